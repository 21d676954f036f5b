"""Strings that try to run, to break out, to turn round, to overflow: from a fixed seed, so that a failure comes again."""

import random

SEEDS = [
    "<script>window.hit=1</script>", "<img src=x onerror=window.hit=1>", "\"><svg onload=window.hit=1>", "'-window.hit=1-'", "javascript:window.hit=1",
    "[a](javascript:window.hit=1)", "![x](http://192.0.2.1/x.png)", "<a href='javascript:window.hit=1'>b</a>", "[a](data:text/html,<script>window.hit=1</script>)",
    "</title><script>window.hit=1</script>", "{{constructor.constructor('window.hit=1')()}}", "${window.hit=1}", "<iframe srcdoc='<script>parent.hit=1</script>'>",
    "<!--<script>window.hit=1//-->", "]]><script>window.hit=1</script>", "\u202eabc\u202c", "\u2066x\u2069", "\ufeff", "\u0000", "\x1b[31mred\x1b[0m", "\x1b]0;title\x07",
    "\x1b[2J\x1b[H", "\x1b]8;;javascript:window.hit=1\x07link\x1b]8;;\x07", "\x1b[38;5;999m", "\x1b[", "\x9b31m", "W" * 300, "𒐫" * 40, "a\u0301" * 60, "Z\u0337\u0321" * 50,
    "\r\n\r\ndata: {}\r\n\r\n", "event: status", "<style>*{display:none}</style>", "<base href=http://192.0.2.1/>", "<form action=//192.0.2.1><button>x",
    "|a|b|\n|-|-|\n|<img src=x onerror=window.hit=1>|2|", "> " * 60, "* " * 60, "`" * 99, "```\n" * 20, "[" * 200, "<" * 200, "&lt;script&gt;", "%3Cscript%3E", "__proto__",
    "constructor", "toString", "\\u003cscript\\u003e", "\ud83d\ude00" .encode("utf-16", "surrogatepass").decode("utf-16"), "<math><mtext><style><img src=x onerror=window.hit=1>",
    "<object data=javascript:window.hit=1>", "<details open ontoggle=window.hit=1>", "<input autofocus onfocus=window.hit=1>", "http://192.0.2.1/", "<http://192.0.2.1/>",
]


def strings(count, seed=20):
    """`count` of them: each seed once, then mixtures."""
    dice = random.Random(seed)
    out = list(SEEDS)
    while len(out) < count:
        parts = dice.choices(SEEDS, k=dice.randint(1, 4))
        glue = dice.choice(["", " ", "\n", "\t", '"', "'", ">", "\n\n", "`", "*"])
        text = glue.join(parts)
        cut = dice.randrange(len(text) + 1) if dice.random() < 0.3 else len(text)
        out.append(text[:cut] or "x")
    return out[:count]
