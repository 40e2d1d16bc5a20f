"""What a folder of results says of its patients: visits in order, differences between them, distributions, outliers.

Uses pandas, seaborn and Jinja (extra `cohort`), and is imported by the command that needs it only.
"""
