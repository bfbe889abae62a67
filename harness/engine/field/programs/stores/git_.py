"""git as Debian has it: a file for each record, ``git add`` and ``git commit``. The option is a setting of git's, or none."""

from __future__ import annotations

import os
import subprocess


class Store:
    def __init__(self, directory: str, option: str) -> None:
        self.directory = f"{directory}/repository"
        self.settings = ["-c", "user.name=shop", "-c", "user.email=shop@example", "-c", "gc.auto=0"]
        for setting in filter(None, option.split(",")):
            self.settings += ["-c", setting]
        if not os.path.exists(f"{self.directory}/.git/HEAD"):
            os.makedirs(self.directory, exist_ok=True)
            self.git("init", "-q", "--template=", "-b", "main", ".")

    def git(self, *words: str) -> str:
        done = subprocess.run(["git", *self.settings, *words], cwd=self.directory, capture_output=True, check=False)
        if done.returncode:
            raise OSError(f"git {words[0]}: {done.stderr.decode(errors='replace').strip()}")
        return done.stdout.decode("latin-1")

    def put(self, number: int, text: str) -> None:
        with open(f"{self.directory}/{number:06}", "w") as file:
            file.write(text)
        self.git("add", f"{number:06}")
        self.git("commit", "-q", "-m", f"sale {number}")

    def read(self) -> dict[int, str]:
        """What the last commit holds; the repository has to be sound as far as that reaches."""
        if not os.path.exists(f"{self.directory}/.git/refs/heads/main"):
            return {}
        names = self.git("ls-tree", "--name-only", "HEAD").split()
        return {int(name): self.git("show", f"HEAD:{name}") for name in names}

    def clear(self) -> None:
        self.git("rm", "-q", "-r", ".")
        self.git("commit", "-q", "-m", "settled")

    def close(self) -> None:
        pass
