"""What is known of a film besides its landmarks: its side and the size of its pixels, put right or wrong by hand."""


def doubt(page):
    """What the page says that can hardly be."""
    return [text.strip() for text in page.page.locator(".doubt").all_text_contents()]


def test_the_wrong_side_is_said_at_once_and_goes_with_it(page):
    film = page.annotation()
    other = "right" if film.anterior == "left" else "left"
    assert doubt(page) == []
    page.page.click(f".side >> text={other}")
    page.page.wait_for_selector(".doubt")
    assert doubt(page)[0].startswith("wrong side?")
    assert "wrong side?" in page.page.text_content(".hint")
    assert "wrong side?" in page.download("html").decode()
    page.page.click(f".side >> text={film.anterior}")
    page.page.wait_for_selector(".doubt", state="detached")
