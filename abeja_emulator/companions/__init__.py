"""Other test libraries beside a Platform: moto, responses and pyfakefs, each prepared for what handlers do."""
