"""Handwritten characters: official files, pools really applied, episodes, invented alphabets."""

import io
import zipfile

import numpy as np
import pytest
import torch
from PIL import Image

from ibcore.tasks import (
    Glyphs,
    glyph_episodes,
    glyph_pool,
    glyphs_from_arrays,
    read_omniglot,
    rotated,
    synthetic_glyphs,
)
from ibcore.tasks.omniglot import INK_MEAN, INK_SPREAD, POOLS

FAMILIES = sorted({name for names in POOLS.values() for name in names})


def one_pixel_each(names):
    """Return glyphs in which every drawing is a different shade, to tell where it went."""
    count = len(names) * 20
    shades = torch.arange(count, dtype=torch.float64) / count
    return Glyphs(shades.reshape(-1, 20, 1, 1, 1).expand(-1, -1, -1, 4, 4).clone(), tuple(names))


def png(ink):
    buffer = io.BytesIO()
    Image.fromarray(np.where(ink, 0, 255).astype(np.uint8)).convert("1").save(buffer, "PNG")
    return buffer.getvalue()


@pytest.fixture
def archive(tmp_path):
    """Write an archive like the official ones: two alphabets, three characters, black ink."""
    rng, drawn = np.random.default_rng(0), {}
    path = tmp_path / "images_small.zip"
    with zipfile.ZipFile(path, "w") as file:
        for alphabet, character in (("Latin", "02"), ("Greek", "01"), ("Latin", "01")):
            drawn[alphabet, character] = rng.random((20, 105, 105)) < 0.1
            for number, ink in enumerate(drawn[alphabet, character]):
                name = f"images_small/{alphabet}/character{character}/{number:04d}_01.png"
                file.writestr(name, png(ink))
    return path, drawn


def test_official_files_are_read_with_ink_as_one_and_alphabets_kept(archive):
    path, drawn = archive
    glyphs = read_omniglot(path, size=105)
    assert glyphs.alphabets == ("Greek", "Latin", "Latin")
    expected = [drawn["Greek", "01"], drawn["Latin", "01"], drawn["Latin", "02"]]
    assert np.array_equal(glyphs.images[:, :, 0].numpy(), np.stack(expected).astype(np.float32))


def test_an_unpacked_folder_reads_like_the_archive_at_a_smaller_size(archive, tmp_path):
    path, drawn = archive
    with zipfile.ZipFile(path) as file:
        file.extractall(tmp_path / "there")
    folder = read_omniglot(tmp_path / "there" / "images_small", size=35)
    assert torch.equal(folder.images, read_omniglot(path, size=35).images)
    means = drawn["Greek", "01"][0].reshape(35, 3, 35, 3).mean((1, 3))
    np.testing.assert_allclose(folder.images[0, 0, 0].numpy(), means, atol=1e-6)


def test_missing_damaged_and_incomplete_files_are_named(archive, tmp_path):
    with pytest.raises(FileNotFoundError, match=r"no Omniglot files at .*nowhere"):
        read_omniglot(tmp_path / "nowhere")
    bad = tmp_path / "bad.zip"
    bad.write_bytes(b"not a zip")
    with pytest.raises(ValueError, match=r"bad.zip is not a sound zip archive"):
        read_omniglot(bad)
    with zipfile.ZipFile(tmp_path / "few.zip", "w") as file:
        file.writestr("x/Greek/character01/1.png", png(np.zeros((105, 105), bool)))
    with pytest.raises(ValueError, match=r"should hold 20 drawings .*'Greek/character01': 1"):
        read_omniglot(tmp_path / "few.zip")
    with zipfile.ZipFile(tmp_path / "text.zip", "w") as file:
        file.writestr("x/Greek/character01/1.png", b"text")
    with pytest.raises(ValueError, match=r"character01/1.png is not a readable image"):
        read_omniglot(tmp_path / "text.zip")
    with zipfile.ZipFile(tmp_path / "empty.zip", "w"):
        pass
    with pytest.raises(ValueError, match="holds no files"):
        read_omniglot(tmp_path / "empty.zip")


def test_every_pool_holds_exactly_its_alphabets():
    glyphs = one_pixel_each([*FAMILIES, "Futurama", "Futurama"])
    assert glyph_pool(glyphs, "all") is glyphs
    sizes = {"ancient": 12, "asian": 11, "european": 5, "middle": 7}
    for pool, size in sizes.items():
        chosen = glyph_pool(glyphs, pool)
        assert set(chosen.alphabets) == set(POOLS[pool])
        assert len(chosen) == size
        shades = {name: glyphs.images[row] for row, name in enumerate(glyphs.alphabets)}
        for row, name in enumerate(chosen.alphabets):
            assert torch.equal(chosen.images[row], shades[name])
    assert len({POOLS[pool] for pool in sizes}) == 4


def test_unknown_pools_and_absent_alphabets_raise():
    with pytest.raises(ValueError, match="unknown pool 'african'"):
        glyph_pool(one_pixel_each(FAMILIES), "african")
    with pytest.raises(ValueError, match=r"no characters of \['Latin'\]"):
        glyph_pool(one_pixel_each(POOLS["european"][:-1]), "european")


def test_episodes_hold_different_drawings_of_the_right_characters():
    glyphs = one_pixel_each(["Greek"] * 9)
    drawn = glyph_episodes(glyphs, tasks=8, ways=5, shots=3, queries=4, seed=1)
    for points, each in ((drawn.support, 3), (drawn.query, 4)):
        shades = points[0][:, :, 0, 0, 0] * INK_SPREAD + INK_MEAN
        number = (shades * 180).round().long()  # character * 20 + drawing
        expected = drawn.rows.repeat_interleave(each, dim=1)
        assert torch.equal(number // 20, expected)
        assert torch.equal(points[1], torch.arange(5).repeat_interleave(each).expand(8, -1))
    numbers = [
        (p[0][:, :, 0, 0, 0] * INK_SPREAD + INK_MEAN).mul(180).round().long()
        for p in (drawn.support, drawn.query)
    ]
    assert torch.equal(numbers[0], drawn.picked)
    for task in range(8):
        seen = [*numbers[0][task].tolist(), *numbers[1][task].tolist()]
        assert len(set(seen)) == 5 * 7
        assert len(set(drawn.rows[task].tolist())) == 5


def test_all_characters_come_up_and_draws_depend_on_the_seed_alone():
    glyphs, rng = one_pixel_each(["Greek"] * 9), torch.get_rng_state()
    options = {"tasks": 50, "ways": 5, "shots": 1, "queries": 1}
    first, again, other = (glyph_episodes(glyphs, seed=seed, **options) for seed in (0, 0, 1))
    assert torch.equal(rng, torch.get_rng_state())
    assert torch.equal(first.support[0], again.support[0])
    assert not torch.equal(first.rows, other.rows)
    assert set(first.rows.flatten().tolist()) == set(range(9))


def test_rotation_turns_each_drawing_by_its_own_angle_and_keeps_the_ink():
    image = torch.zeros(1, 200, 1, 33, 33)
    image[..., 16, 4:29] = 1  # a horizontal bar through the middle
    turned = rotated(Glyphs(image, ("Greek",)), degrees=15, seed=2).images[0, :, 0]
    height = (turned > 0.3).any(2).float()  # (drawings, rows)
    rise = (height.sum(1) - 1) / 2
    angles = torch.atan(rise / 12).rad2deg()
    assert angles.max() < 17
    assert angles.min() < 3
    assert len({tuple(t.flatten().tolist()) for t in turned}) == 200
    torch.testing.assert_close(turned.sum((1, 2)), torch.full((200,), 25.0), rtol=0.1, atol=0)
    still = rotated(Glyphs(image, ("Greek",)), degrees=0).images
    torch.testing.assert_close(still, image, rtol=0, atol=1e-5)


def test_invented_characters_are_told_apart_by_their_pictures_better_than_by_chance():
    glyphs = synthetic_glyphs(characters=5, drawings=10, size=20)
    drawn = glyph_episodes(glyphs, tasks=20, ways=5, shots=5, queries=5, seed=1)
    means = drawn.support[0].flatten(2).unflatten(1, (5, 5)).mean(2)  # (tasks, ways, pixels)
    nearest = torch.cdist(drawn.query[0].flatten(2), means).argmin(-1)
    accuracy = (nearest == drawn.query[1]).double().mean().item()
    assert 0.6 < accuracy < 1  # a fifth would be chance


def test_invented_alphabets_do_not_depend_on_those_after_them_and_use_the_page():
    few = synthetic_glyphs(["A", "B"], characters=3, drawings=2, size=16)
    more = synthetic_glyphs(["A", "B", "C"], characters=3, drawings=2, size=16)
    assert torch.equal(few.images, more.images[:6])
    assert few.names == ("A", "B")
    ink = few.images.mean((1, 2, 3, 4))
    assert bool((ink > 0.02).all() and (ink < 0.5).all())
    assert not torch.equal(few.images[0, 0], few.images[0, 1])


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: Glyphs(torch.zeros(2, 20, 8, 8), ("A", "B")), "images must be"),
        (
            lambda: Glyphs(torch.zeros(2, 20, 1, 8, 8), ("A",)),
            "alphabets must name .* 2 characters",
        ),
        (
            lambda: Glyphs(torch.full((1, 2, 1, 8, 8), 255.0), ("A",)),
            "images must be .* 1, got 255",
        ),
        (lambda: glyphs_from_arrays(np.zeros((1, 2, 8, 8)), ["A"]), "at least 32 pixels"),
        (lambda: glyph_episodes(one_pixel_each("AB"), tasks=1), "20 ways with 5 .* 2 characters"),
        (
            lambda: glyph_episodes(one_pixel_each("AB"), tasks=1, ways=2, shots=9),
            "9 . 15 drawings do not fit",
        ),
        (lambda: glyphs_from_arrays(np.full((1, 2, 32, 32), 7), ["A"]), "ink must be .*, got 7"),
        (lambda: synthetic_glyphs(["A", "A"]), "alphabets must be different names"),
    ],
)
def test_bad_input_is_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()
