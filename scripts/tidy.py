#!/usr/bin/env python3
"""What every commit keeps: renamed things stay renamed, and comments say the term of art. Prints what does not, exits 1."""

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
RENAMES = ROOT / "docs" / "renames.tsv"
# Old names stand in the list itself, in what tells users of it, and where an old setting is refused with its new name.
EXEMPT = ("docs/renames.tsv", "docs/upgrade-0.2.md", "CHANGELOG.md", "libs/kernel/src/settings/",
          "migrations/", "Cargo.lock", "http-tests/package-lock.json")
CIRCUMLOCUTIONS = re.compile(r"\b(?:whoever|somebody|nobody|(?:is|are) told|tells of)\b|\bthe same,", re.IGNORECASE)
MAX_PER_THOUSAND = 5
MAX_SHORT_PERCENT = 10
SHORT = 25
TOKEN = re.compile(r'//[^\n]*|/\*.*?\*/|b?r(#*)".*?"\1|b?"(?:\\.|[^"\\])*"|\'(?:\\[^\']+|[^\'\\\n])\'|[A-Za-z_]\w*|\s+|.',
                   re.DOTALL)


def tracked() -> list[str]:
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True)
    return [name for name in listed.stdout.split("\n") if name and (ROOT / name).is_file()]


def code(text: str) -> str:
    """Rust without comments and strings, line by line."""
    blank = lambda match: "\n" * match.group().count("\n") if match.group()[:2] in ("//", "/*") or '"' in match.group()[:3] else match.group()
    return TOKEN.sub(blank, text)


def patterns(kind: str, old: str) -> re.Pattern:
    name = re.escape(old)
    return re.compile({
        "variable": rf"(?<![A-Z0-9_]){name}(?:_FILE)?(?![A-Z0-9_])",
        "metric": rf"\b{name}\b",
        "code": rf"([\"`']){name}\1",
        "violation": rf"\"{name}\"",
        "option": rf"(?<![\w-]){name}(?![\w-])",
        "path": rf"{name.replace('/api/v1', '').replace(re.escape('{id}'), '[^/]*')}(?![\w-])",
        "operation": rf"\"operationId\": \"{name}\"",
        "schema": rf"components/schemas/{name}(?![\w])",
        "rust": rf"\b(?:struct|enum|trait|type|fn|const|static|mod)\s+{name}\b",
    }[kind])


def renamed(files: list[str]) -> list[str]:
    faults = []
    texts = {}
    for name in files:
        if not name.startswith(EXEMPT):
            try:
                texts[name] = (ROOT / name).read_text()
            except UnicodeDecodeError:
                continue
    bare = {name: code(text) for name, text in texts.items() if name.endswith(".rs")}
    for line in RENAMES.read_text().splitlines()[1:]:
        kind, old, new, scope = line.split("\t")
        old_pattern = patterns(kind, old)
        for name, text in (bare if kind == "rust" else texts).items():
            if not name.startswith(scope.rstrip("*")):
                continue
            for match in old_pattern.finditer(text):
                line_number = text.count("\n", 0, match.start()) + 1
                faults.append(f"{name}:{line_number}: {match.group().strip()} is {new} since 0.2 ({kind})")
    return faults


def words(files: list[str]) -> list[str]:
    lines = circumlocutions = docs = short = 0
    for name in files:
        if not name.endswith(".rs"):
            continue
        block = []
        for line in [*(ROOT / name).read_text().split("\n"), ""]:
            if comment := re.match(r"\s*//[/!]?\s?(.*)", line):
                lines += 1
                circumlocutions += len(CIRCUMLOCUTIONS.findall(comment.group(1)))
            if doc := re.match(r"\s*///\s?(.*)", line):
                block.append(doc.group(1))
            elif block:
                docs += 1
                short += len(" ".join(block).strip()) < SHORT
                block = []
    faults = []
    if circumlocutions * 1000 > MAX_PER_THOUSAND * lines:
        faults.append(f"comments: {circumlocutions} circumlocutions in {lines} lines; at most {MAX_PER_THOUSAND} in 1000")
    if short * 100 > MAX_SHORT_PERCENT * docs:
        faults.append(f"doc comments: {short} of {docs} have under {SHORT} characters; at most {MAX_SHORT_PERCENT} %")
    return faults


def main() -> int:
    files = tracked()
    faults = renamed(files) + words(files)
    for fault in faults:
        print(fault, file=sys.stderr)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
