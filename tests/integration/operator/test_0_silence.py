"""Watches fall silent while their connections stay. How long that may last is minutes, so it begins
here, before the other tests, and ends in test_zz_silence.py."""


def test_silent_watches_show_nothing(silence):
    world, test, _ = silence
    assert not world.get(test)["status"].get("result")
    assert world.operators[0].exit_code is None
