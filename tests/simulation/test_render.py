"""Drawn scenes: the same every time, true to what they say, and never slower than a cache can make them."""

import io
import math

import numpy as np
import pytest
import zxingcpp
from PIL import Image

from gatefw.simulation.render import Renderer, code_modules, draw_sprite
from gatefw.simulation.scene import Phone, Scene

WIDTH, HEIGHT = 320, 240
TEXT = "JX1:ABCDEFGHIJ"


def renderer(seed: int = 1) -> Renderer:
    return Renderer(width_px=WIDTH, height_px=HEIGHT, seed=seed)


def read(luma: np.ndarray) -> list[str]:
    return [code.text for code in zxingcpp.read_barcodes(luma, formats=zxingcpp.BarcodeFormat.QRCode)]


def png(pixels: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()


PHONE = Scene(phones=(Phone(text=TEXT, yaw_deg=5, glare=0.3),))


def test_the_same_seed_scene_and_frame_number_give_the_same_bytes():
    one, two = renderer(), renderer()
    two.render(Scene(), 99)
    assert np.array_equal(one.render(PHONE, 3), two.render(PHONE, 3))


@pytest.mark.parametrize("other", [(1, 4), (2, 3)], ids=["frame", "seed"])
def test_another_frame_or_seed_has_other_noise(other):
    seed, number = other
    assert not np.array_equal(renderer().render(PHONE, 3), renderer(seed).render(PHONE, number))


def test_a_plane_has_the_frames_shape_and_is_the_callers_own():
    drawn, scene = renderer(), Scene(noise_sd=0.0)
    first = drawn.render(scene, 0)
    assert (first.shape, first.dtype) == ((HEIGHT, WIDTH), np.uint8)
    first[:] = 0
    assert drawn.render(scene, 0).any()


def test_a_phone_that_only_moves_is_drawn_once(monkeypatch):
    drawn = []

    def noted(*args):
        drawn.append(args)
        return draw_sprite(*args)

    monkeypatch.setattr("gatefw.simulation.render.draw_sprite", noted)
    moving = renderer()
    for step in range(20):
        moving.render(Scene(phones=(Phone(text=TEXT, x=step / 10, y=0.5 - step / 40),)), step)
    assert len(drawn) == 1


def test_the_code_stands_where_the_phone_is_and_is_as_large_as_it_says():
    luma = renderer().render(Scene(phones=(Phone(text=TEXT, x=0.3, y=0.45, size=0.4),)), 0)
    (code,) = zxingcpp.read_barcodes(luma)
    corners = code.position
    assert corners.top_left.x == pytest.approx(0.3 * WIDTH - 0.2 * HEIGHT, abs=3)
    assert corners.bottom_right.y == pytest.approx(0.45 * HEIGHT + 0.2 * HEIGHT, abs=3)


def test_a_phone_that_leaves_the_frame_is_cut_off_and_then_gone():
    drawn = renderer()
    away = drawn.render(Scene(phones=(Phone(text=TEXT, x=3.0),)), 1)
    assert np.array_equal(away, drawn.render(Scene(), 1))
    half = drawn.render(Scene(phones=(Phone(text=TEXT, x=0.95),)), 1)
    assert not np.array_equal(half, away)
    assert read(half) == []


def test_bytes_are_drawn_as_they_are():
    content = bytes(range(256))
    (code,) = zxingcpp.read_barcodes(
        Renderer(width_px=640, height_px=480, seed=1).render(Scene(phones=(Phone(text=content),)), 0)
    )
    assert bytes(code.bytes) == content


def test_the_largest_code_fits_and_a_longer_text_is_refused_with_a_sentence():
    assert len(code_modules("7" * 7089)) == 177 + 8
    with pytest.raises(ValueError, match="7090 characters does not fit"):
        renderer().render(Scene(phones=(Phone(text="7" * 7090),)), 0)


def test_a_screen_without_a_code_holds_none():
    assert read(renderer().render(Scene(phones=(Phone(text=""),)), 0)) == []


def test_a_blank_scene_shows_no_phone():
    luma = renderer().render(Scene(phones=(Phone(text=TEXT),), blank=True), 0)
    assert luma.max() < 40
    assert read(luma) == []


def test_more_light_is_brighter():
    means = [renderer().render(Scene(light=light), 0).mean() for light in (0.0, 0.3, 0.6, 1.0)]
    assert means == sorted(means)
    assert means[0] < 5


def test_a_picture_is_shown_whole_in_its_shape():
    modules = np.where(code_modules(TEXT) == 1, 0, 255).astype(np.uint8)
    picture = png(np.kron(modules, np.ones((20, 20), dtype=np.uint8)))
    luma = renderer().render(Scene(picture=picture), 0)
    assert read(luma) == [TEXT]
    assert luma[:, 5].mean() == pytest.approx(200, abs=3)


def test_what_is_transparent_in_a_picture_is_white():
    clear = np.zeros((10, 10, 4), dtype=np.uint8)
    assert renderer().render(Scene(picture=png(clear), noise_sd=0.0), 0)[HEIGHT // 2, WIDTH // 2] == 255


@pytest.mark.parametrize("content", [b"", b"GIF89a", b"\x89PNG\r\n\x1a\n" + b"\x00" * 30], ids=["none", "gif", "cut"])
def test_what_is_no_picture_is_refused_with_a_sentence(content):
    with pytest.raises(ValueError, match="picture"):
        renderer().render(Scene(picture=content), 0)


@pytest.mark.parametrize(
    "wrong",
    [
        {"size": 0.0}, {"size": math.nan}, {"x": math.inf}, {"yaw_deg": 90.0}, {"brightness": 1.5}, {"blur_px": -1.0},
    ],
)  # fmt: skip
def test_a_phone_that_cannot_be_is_refused(wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        Phone(text="", **wrong)


@pytest.mark.parametrize("wrong", [{"light": -0.1}, {"noise_sd": math.nan}])
def test_a_scene_that_cannot_be_is_refused(wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        Scene(**wrong)
