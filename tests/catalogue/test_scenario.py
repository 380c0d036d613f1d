"""A page as data."""

from __future__ import annotations

import pytest

from abeja_emulator.faults.catalogue.scenario import PageError, Without, scenario_of

PAGE = """\
# Title

- **family**: data
- **where**: process, child
- **known from**: client — `abeja/x.py`, a `for` loop
- **without**: mute
- **needs**: PIL, numpy
- **options**: --one --two=2

**Symptom.** One
sees this.

**Cause.** It is `so`.

**Raised.** Nothing.

**Remedy.** Do that.

`train.py`

```python
old
```

`test_it.py`

```python
limit = "99GB"
```

`train.py (mended)`

```python
new
```
"""


def test_a_page_is_read_as_it_stands() -> None:
    """Facts, paragraphs on one line, files and mended files."""
    page = scenario_of("some-page", PAGE)

    assert (page.name, page.title, page.family, page.places, page.only) == (
        "some-page",
        "Title",
        "data",
        ("process", "child"),
        "",
    )
    assert (page.grade, page.source, page.needs) == ("client", "`abeja/x.py`, a `for` loop", ("PIL", "numpy"))
    assert page.options == ("--one", "--two=2")
    assert (page.symptom, page.cause, page.raised, page.remedy) == (
        "One sees this.",
        "It is `so`.",
        "Nothing.",
        "Do that.",
    )
    assert page.files == {"train.py": "old\n", "test_it.py": 'limit = "99GB"\n'}
    assert page.mended == {"train.py": "new\n"}
    assert page.without == Without("mute")


def test_without_its_failure_a_page_has_other_files() -> None:
    """Muted they are the same; replaced or mended they are not."""
    muted = scenario_of("page", PAGE)
    mended = scenario_of("page", PAGE.replace("without**: mute", "without**: mended"))
    replaced = scenario_of("page", PAGE.replace("without**: mute", 'without**: replace `"99GB"` => `"1 GB"`'))

    assert muted.files_without() == muted.files
    assert mended.files_without() == {**mended.files, "train.py": "new\n"}
    assert replaced.files_without() == {**replaced.files, "test_it.py": 'limit = "1 GB"\n'}


def test_a_page_of_one_place_says_why() -> None:
    """The reason stands behind the place."""
    page = scenario_of("page", PAGE.replace("process, child", "child: a process of this one: no"))

    assert (page.places, page.only) == (("child",), "a process of this one: no")


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("# Title", "Title", "its first line is no title"),
        ("**Raised.**", "Raised.", "it has no paragraph '**Raised.**'"),
        ("- **family**: data\n", "", "it does not say '- **family**: …'"),
        ("family**: data", "family**: dta", "family 'dta' is none of network, data"),
        ("process, child", "process", "it says no reason why it is only in a process"),
        ("process, child", "here: there", "where 'here' is none of process, child"),
        ("client —", "rumour —", "known from 'rumour' is none of client, documented, inferred"),
        ("without**: mute", "without**: hope", "without 'hope' is none of mute, mended"),
        ("without**: mute", "without**: replace `absent` => `x`", "OLD must stand in test_it.py"),
        ("without**: mute", "without**: replace `99GB`", "must be 'replace OLD => NEW'"),
        ("--two=2", "two", "options 'two' is no option of pytest"),
        ("`train.py (mended)`", "`other.py (mended)`", "'other.py' is mended, and not there"),
        ("`test_it.py`", "`test_that.py`", "it has no file 'test_it.py'"),
    ],
)
def test_what_cannot_be_is_said(old: str, new: str, said: str) -> None:
    """With the name of the page."""
    assert old in PAGE
    with pytest.raises(PageError, match=r"^page 'some-page' of the catalogue: ") as raised:
        scenario_of("some-page", PAGE.replace(old, new))
    assert said in str(raised.value)


def test_mended_without_a_mended_file_is_refused() -> None:
    """There would be nothing to run."""
    text = PAGE.replace("without**: mute", "without**: mended").partition("`train.py (mended)`")[0]
    with pytest.raises(PageError, match="it says mended, and has no file that is"):
        scenario_of("page", text)
