"""Reading a symptom: its text in, a ``Symptom`` out, or a ``SymptomError`` that names the column and the nearest word."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import NoReturn

from harness.core.registry import nearest
from harness.history.symptoms.model import Step, Symptom, SymptomError, Term
from harness.history.symptoms.words import BY_NAME, DURATION_US, FORMS, SIZE_BYTES, Form, Gap

CHARACTERS_MAX = 600
STEPS_MAX = 20
_TOKEN = re.compile(
    r'"(?P<text>[^"\n]{0,100})"|(?P<number>\d+(?:\.\d+)?)(?=[A-Za-z])|(?P<word>[\w-]+(?:\.\d+)?)|(?P<other>\S)'
)
_NUMBER = re.compile(r"\d{1,9}(?:\.\d{1,6})?")
_WORDS_SHOWN = 24
_JOINING = ("then", "or", "within", "before", "on", "times")


def parse(text: str, known: Mapping[str, Iterable[str]] | None = None) -> Symptom:
    """The symptom that ``text`` describes. ``known``: by form, words that its gap may hold (the kinds of fault)."""
    if len(text) > CHARACTERS_MAX:
        shown = text[:60]
        raise SymptomError(f"{shown}...", 1, f"expected at most {CHARACTERS_MAX} characters, found {len(text):,}")
    return _Reader(text, {form: tuple(words) for form, words in (known or {}).items()}).symptom()


@dataclass(frozen=True, slots=True)
class _Token:
    """A word (in lower case, with underscores) or a text in quotes, and where it stands (from 0)."""

    value: str
    column: int
    quoted: bool = False
    written: str = ""


@dataclass(slots=True)
class _Reader:
    text: str
    known: dict[str, tuple[str, ...]]
    tokens: list[_Token] = field(default_factory=list)
    place: int = 0
    _farthest: int = -1
    _expected: dict[str, None] = field(default_factory=dict)
    """What could have stood at the farthest place that was looked at."""

    def symptom(self) -> Symptom:
        self._split()
        if not self.tokens:
            raise SymptomError(self.text, 1, "expected a step such as 'sale unknown' or 'power cut', found nothing")
        steps = list(self._step())
        while self._take("then"):
            column = self._column()
            steps.extend(self._step())
            if len(steps) > STEPS_MAX:
                raise SymptomError(self.text, column, f"expected at most {STEPS_MAX} steps, repeats counted")
        any_device = self._devices()
        if self.place < len(self.tokens):
            self._expect("then", "or", "within", "on")
            self._fail()
        self._check(steps)
        return Symptom(self.text, tuple(steps), any_device)

    # ------------------------------------------------------------ steps

    def _step(self) -> list[Step]:
        without: tuple[Term, ...] = ()
        if self._take("not"):
            without = self._terms()
            if not self._take("before"):
                self._expect("before", "or")
                self._fail()
        first = self._column()
        terms = self._terms()
        times = self._times()
        within_us = self._quantity(DURATION_US, "within") if self._take("within") else None
        rest = [BY_NAME[term.form].at_rest for term in terms]
        if any(rest) and not all(rest):
            raise SymptomError(
                self.text, first, "what is proven at rest and what is seen on the way cannot stand in one step"
            )
        if any(rest) and (times > 1 or within_us is not None):
            raise SymptomError(
                self.text, first, "what is proven at rest has no time of its own: 'within' and 'times' do not apply"
            )
        return [Step(terms, without, within_us)] * times

    def _times(self) -> int:
        if self.place + 1 >= len(self.tokens) or self.tokens[self.place + 1].value != "times":
            return 1
        token = self.tokens[self.place]
        if not token.value.isdecimal() or not 1 <= int(token.value[:9]) <= STEPS_MAX:
            raise SymptomError(self.text, token.column + 1, f"expected a number from 1 to {STEPS_MAX} before 'times'")
        self.place += 2
        return int(token.value)

    def _devices(self) -> bool:
        if not self._take("on"):
            return False
        for words, any_device in (
            (("any", "device"), True),
            (("the", "same", "device"), False),
            (("same", "device"), False),
        ):
            if tuple(each.value for each in self.tokens[self.place : self.place + len(words)]) == words:
                self.place += len(words)
                return any_device
        self._expect("any device", "the same device")
        return self._fail()

    def _check(self, steps: list[Step]) -> None:
        for place, step in enumerate(steps):
            for term in step.without:
                if BY_NAME[term.form].at_rest:
                    raise SymptomError(self.text, 1, f"'{_words(term)}' is proven at rest and cannot stand after 'not'")
            if place + 1 < len(steps) and BY_NAME[step.terms[0].form].at_rest:
                name = _words(step.terms[0])
                raise SymptomError(self.text, 1, f"'{name}' is proven at rest, when all is over: nothing comes 'then'")

    # ------------------------------------------------------------ terms

    def _terms(self) -> tuple[Term, ...]:
        terms = [self._term()]
        while self._take("or"):
            terms.append(self._term())
        return tuple(terms)

    def _term(self) -> Term:
        best: tuple[int, Term] | None = None
        for form in FORMS:
            found = self._fits(form)
            if found is not None and (best is None or found[0] > best[0]):
                best = found
        if best is None:
            return self._fail()
        self.place = best[0]
        return best[1]

    def _fits(self, form: Form) -> tuple[int, Term] | None:
        place = self.place
        values: list[tuple[str, str]] = []
        for part in form.parts:
            if isinstance(part, str):
                if self._word(place) != part:
                    self._expect(part, at=place)
                    return None
                place += 1
                continue
            after = place
            if part.after:
                if self._word(place) != part.after:
                    self._expect(part.after, at=place)
                    if part.optional:
                        continue
                    return None
                after = place + 1
            taken = self._gap(form, part, after)
            if taken is None:
                if part.optional and not (part.after and after > place):
                    continue
                return None
            place, value = taken
            values.append((part.name, value))
        if form.name == "screen" and not values:
            self._expect(*_choices(form.parts[1]), '"text"', at=place)
            return None
        return place, Term(form.name, tuple(values))

    def _gap(self, form: Form, gap: Gap, place: int) -> tuple[int, str] | None:
        token = self.tokens[place] if place < len(self.tokens) else None
        if gap.like in ("duration", "size"):
            if token is None or token.quoted or not token.value[:1].isdigit():
                self._expect(gap.example, at=place)
                return None
            self.place, before = place, self.place
            value = self._quantity(DURATION_US if gap.like == "duration" else SIZE_BYTES, gap.name)
            place, self.place = self.place, before
            return place, str(value)
        if gap.quoted:
            if token is None or not token.quoted:
                self._expect('"text"', at=place)
                return None
            return place + 1, token.value
        known = self.known.get(form.name)
        if (
            token is None
            or token.quoted
            or not gap.takes(token.value)
            or (known is not None and token.value not in known)
        ):
            self._expect(*(known or gap.choices or (gap.example,)), at=place)
            return None
        return place + 1, token.value

    def _quantity(self, units: Mapping[str, int], what: str) -> int:
        number, unit = self._word(self.place), self._word(self.place + 1)
        column = self._column()
        example = "such as 10 min" if units is DURATION_US else "such as 256 KiB"
        if _NUMBER.fullmatch(number) is None or unit not in units or not Decimal(number) * units[unit] >= 1:
            raise SymptomError(
                self.text,
                column,
                f"expected a {what} {example} ({', '.join(units)}), found {number or 'nothing'} {unit}".rstrip(),
            )
        self.place += 2
        return int(Decimal(number) * units[unit])

    # ------------------------------------------------------------ words

    def _split(self) -> None:
        for found in _TOKEN.finditer(self.text):
            if found.lastgroup == "other":
                what = "a closing quotation mark" if found.group() == '"' else "words and texts in quotation marks"
                raise SymptomError(self.text, found.start() + 1, f"expected {what}, found {found.group()!r}")
            if found.lastgroup == "text":
                self.tokens.append(_Token(found.group("text"), found.start(), True, found.group()))
            else:
                self.tokens.append(
                    _Token(found.group().lower().replace("-", "_"), found.start(), written=found.group())
                )

    def _word(self, place: int) -> str:
        token = self.tokens[place] if place < len(self.tokens) else None
        return "" if token is None or token.quoted else token.value

    def _take(self, word: str) -> bool:
        if self._word(self.place) == word:
            self.place += 1
            return True
        return False

    def _column(self) -> int:
        return self.tokens[self.place].column + 1 if self.place < len(self.tokens) else len(self.text) + 1

    def _expect(self, *words: str, at: int | None = None) -> None:
        place = self.place if at is None else at
        if place > self._farthest:
            self._farthest, self._expected = place, {}
        if place == self._farthest:
            self._expected.update(dict.fromkeys(words))

    def _fail(self) -> NoReturn:
        place = max(self._farthest, self.place)
        expected = list(self._expected)
        if place >= len(self.tokens):
            raise SymptomError(self.text, len(self.text) + 1, f"expected {_listed(expected)}, found the end")
        token = self.tokens[place]
        near = nearest(token.value, [*expected, *_JOINING] if place > self.place else expected)
        hint = near if near.startswith("did") else f"expected {_listed(expected)}"
        raise SymptomError(self.text, token.column + 1, f"nothing here is called {token.written[:40]!r}; {hint}")


def _listed(words: list[str]) -> str:
    shown = ", ".join(words[:_WORDS_SHOWN])
    return f"{shown}, ... (harness hunt --list-symptoms)" if len(words) > _WORDS_SHOWN else shown


def _choices(part: str | Gap) -> tuple[str, ...]:
    return () if isinstance(part, str) else part.choices


def _words(term: Term) -> str:
    return BY_NAME[term.form].shown().lower()
