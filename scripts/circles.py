#!/usr/bin/env python3
"""Finds circles between the modules of a crate: siblings that, directly or through others, use each other.

Prints each circle with one `use` per edge, and exits 1 if there is one that ALLOWED does not explain, or if ALLOWED
explains one that is gone. Tests are not looked at: they may use whatever they test."""

import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
# (crate, modules of the circle): the reason for which it stays.
ALLOWED: dict[tuple[str, frozenset[str]], str] = {}
MAX_ALLOWED = 3

COMMENT = re.compile(r"//[^\n]*|/\*.*?\*/", re.DOTALL)
STRING = re.compile(r'b?r(#*)".*?"\1|b?"(?:\\.|[^"\\])*"', re.DOTALL)
USE = re.compile(r"\b(pub(?:\([^)]*\))?\s+)?use\s+([^;]+);")
PATH = re.compile(r"\b((?:crate|super)(?:::\w+)+)")


def without_tests(text: str) -> str:
    return re.split(r"#\[cfg\(test\)\]\s*mod \w+\s*\{", COMMENT.sub("", text), maxsplit=1)[0]


def split(text: str) -> list[str]:
    """Splits `a, b::{c, d}, e` at its outer commas."""
    parts, depth, start = [], 0, 0
    for at, char in enumerate(text):
        depth += (char == "{") - (char == "}")
        if char == "," and depth == 0:
            parts.append(text[start:at])
            start = at + 1
    return [part.strip() for part in [*parts, text[start:]] if part.strip()]


def flat(tree: str) -> list[tuple[list[str], str]]:
    """Paths that a `use` names, each with the name that it gets."""
    tree = tree.strip()
    if match := re.fullmatch(r"((?:\w+::)*)\{(.*)\}", tree, re.DOTALL):
        prefix = [part for part in match.group(1).split("::") if part]
        return [(prefix + path, name) for part in split(match.group(2)) for path, name in flat(part)]
    path, _, alias = re.sub(r"\s+", " ", tree).partition(" as ")
    parts = [part for part in path.strip().split("::") if part]
    if parts and parts[-1] == "self":
        parts = parts[:-1]
    return [(parts, alias or (parts[-1] if parts else ""))]


class Crate:
    def __init__(self, folder: Path):
        self.name, source = folder.name, folder / "src"
        self.texts: dict[tuple[str, ...], str] = {}
        for file in source.rglob("*.rs"):
            parts = list(file.relative_to(source).with_suffix("").parts)
            if parts[-1] in ("mod", "lib"):
                parts.pop()
            if parts[:1] in (["main"], ["bin"]) or parts[-1:] == ["tests"]:
                continue
            self.texts[tuple(parts)] = without_tests(file.read_text())
        self.exports = {module: self.reexports(module) for module in self.texts}

    def reexports(self, module: tuple[str, ...]) -> dict[str, list[str]]:
        found = {}
        for _, tree in USE.findall(self.texts[module]):
            found.update({name: path for path, name in flat(tree)})
        return found

    def absolute(self, module: tuple[str, ...], path: list[str]) -> list[str] | None:
        if path[0] == "crate":
            return path[1:]
        base = list(module)
        if path[0] == "super":
            while path and path[0] == "super":
                base, path = base[:-1], path[1:]
            return base + path
        if path[0] == "self":
            return base + path[1:]
        return base + path if (*module, path[0]) in self.texts else None

    def resolve(self, path: list[str], depth: int = 0) -> tuple[str, ...]:
        """Module in which the item of an absolute path is defined, as far as re-exports tell."""
        length = len(path)
        while length and tuple(path[:length]) not in self.texts:
            length -= 1
        module = tuple(path[:length])
        if length < len(path) and depth < 8 and (through := self.exports.get(module, {}).get(path[length])):
            further = self.absolute(module, through)
            if further is not None and further != path:
                return self.resolve(further, depth + 1)
        return module

    def edges(self):
        for module, text in self.texts.items():
            paths = [path for _, tree in USE.findall(text) for path, _ in flat(tree)]
            paths += [found.split("::") for found in PATH.findall(STRING.sub('""', USE.sub("", text)))]
            for path in filter(None, paths):
                if (absolute := self.absolute(module, path)) is not None:
                    yield module, self.resolve(absolute), "::".join(path)

    def circles(self):
        graphs: dict[tuple[str, ...], dict[tuple[str, str], str]] = {}
        for user, used, path in self.edges():
            same = next((at for at, (one, other) in enumerate(zip(user, used)) if one != other), None)
            if same is not None:
                edge = (user[same], used[same])
                graphs.setdefault(user[:same], {}).setdefault(edge, f"{'/'.join(user)} uses {path}")
        for parent, graph in sorted(graphs.items()):
            for circle in strongly_connected(graph):
                inside = [why for (one, other), why in sorted(graph.items()) if one in circle and other in circle]
                yield "/".join([self.name, *parent]), circle, inside


def strongly_connected(graph: dict[tuple[str, str], str]) -> list[frozenset[str]]:
    following: dict[str, set[str]] = {}
    for one, other in graph:
        following.setdefault(one, set()).add(other)
        following.setdefault(other, set())
    def reached(start: str) -> set[str]:
        seen, waiting = set(), list(following[start])
        while waiting:
            if (node := waiting.pop()) not in seen:
                seen.add(node)
                waiting += following[node]
        return seen
    reach = {node: reached(node) for node in following}
    circles = {frozenset(other for other in reach[node] if node in reach[other]) for node in following if node in reach[node]}
    return sorted((circle for circle in circles if len(circle) > 1), key=sorted)


def main() -> int:
    faults, explained = 0, set()
    for folder in sorted([*ROOT.glob("libs/*"), *ROOT.glob("services/*")]):
        if not (folder / "src").is_dir() or (len(sys.argv) > 1 and folder.name not in sys.argv[1:]):
            continue
        for place, circle, edges in Crate(folder).circles():
            if (place, circle) in ALLOWED:
                explained.add((place, circle))
                continue
            faults += 1
            print(f"{place}: {', '.join(sorted(circle))} use each other")
            print("".join(f"  {edge}\n" for edge in edges), end="")
    if len(sys.argv) == 1:
        for place, circle in ALLOWED.keys() - explained:
            faults += 1
            print(f"{place}: {', '.join(sorted(circle))} is no circle any more; remove it from ALLOWED")
    assert len(ALLOWED) <= MAX_ALLOWED
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
