"""The script that pages load: nothing but comments and spaces is missing from its sources."""

import pytest
from pygments.lexers.css import CssLexer
from pygments.lexers.javascript import JavascriptLexer
from pygments.token import Comment, Text, Whitespace

from ibcore.explorers import base
from ibcore.explorers.base import compact_script, compact_style

SCRIPTS = sorted(base.STATIC.glob("*.js"))


def words(lexer, source):
    """Return the tokens of a source but for comments and spaces; strings stay as they are."""
    return [
        (str(kind), text)
        for kind, text in lexer.get_tokens(source)
        if kind not in Comment and not (kind in (Text, Whitespace) and not text.strip())
    ]


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.stem)
def test_a_script_keeps_every_token_and_every_string(path):
    source = path.read_text(encoding="utf-8")
    compacted = compact_script(source)
    assert words(JavascriptLexer(), compacted) == words(JavascriptLexer(), source)
    assert compacted in base.script()


def test_the_style_sheet_keeps_every_token():
    source = (base.STATIC / "style.css").read_text(encoding="utf-8")
    assert words(CssLexer(), compact_style(source)) == words(CssLexer(), source)


def test_comments_indentation_and_empty_lines_are_gone():
    lines = base.script().split("const STYLE", 1)[1].split("\n")[1:]
    assert all(line == line.strip() for line in lines)
    assert [line for line in lines if line.startswith(("//", "/*"))] == []
    assert "" not in lines[:-1]


def test_what_looks_like_a_comment_in_a_string_stays():
    source = 'const a = "x // y";\nconst b = `u // v`;\nconst c = 1; // no \'quote\nf("/* z */");\n'
    assert compact_script(source) == source


def test_statements_keep_their_lines():
    assert compact_script("f()\n\n  // why\n  g()") == "f()\ng()\n"
    assert compact_script("const a = 1; // why\n") == "const a = 1;\n"


@pytest.mark.parametrize(
    "source", ["const a = `first\n  second`;", "const a = 'first \\\n  second';"]
)
def test_a_literal_of_several_lines_is_refused(source):
    with pytest.raises(ValueError, match="a literal of several lines would change"):
        compact_script(source)


def test_a_string_of_several_lines_in_a_style_sheet_is_refused():
    with pytest.raises(ValueError, match="a string of several lines would change"):
        compact_style('a::before {\n  content: "x \\\n  y";\n}')


@pytest.mark.parametrize("compact", [compact_script, compact_style])
def test_code_behind_a_comment_on_its_line_stays_with_it(compact):
    source = "/* why */ f()\ng()\n/* what */\n"
    assert compact(source) == "/* why */ f()\ng()\n"


@pytest.mark.browser
def test_a_browser_reads_the_script(visits):
    page = visits.open(f"<script>{base.script()}</script>")
    assert page.evaluate("typeof IBExplorers.render") == "function"
