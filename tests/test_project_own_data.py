"""docs/own_data.md: from a CSV file to a verdict, in a folder of the user's own."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

PAGE = (Path(__file__).parent.parent / "docs" / "own_data.md").read_text(encoding="utf-8")


@pytest.mark.process
def test_study_of_page_runs_on_csv_that_nobody_here_wrote(tmp_path):
    make_csv, run = re.findall(r"^(?:python -c|folklore run) .*$", PAGE, re.M)
    (study,) = re.findall(r"^```python\n(.*?)^```$", PAGE, re.M | re.S)
    assert study.count("\n") == 14
    (tmp_path / "doctor.py").write_text(study)
    folklore = f"{sys.executable} -c 'from folklore.cli.app import main; main()'"
    small = "--seeds 1 --epochs 1 --jobs 1 --set mode=step"
    for command in (make_csv.replace("python", sys.executable), f"{run.replace('folklore', folklore)} {small}"):
        ended = subprocess.run(["sh", "-c", command], cwd=tmp_path, capture_output=True, text=True, check=False)
        assert ended.returncode == 0, ended.stderr
    assert "NO PRACTICAL DIFFERENCE" not in ended.stdout  # one seed gives no verdict
    assert "160 units  1" in ended.stdout
    assert "in visits, lower is better" in ended.stdout
