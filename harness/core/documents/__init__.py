"""Files that people write, YAML or JSON: plain values that know their place, and every mistake at once in the harness's words."""
