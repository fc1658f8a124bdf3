"""Does the gate flip for a regression that was planted, and name the promise that it breaks?"""
