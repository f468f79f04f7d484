"""Reports: tables and pages of runs, patches, audits and data sets. One folder for each kind of page."""
