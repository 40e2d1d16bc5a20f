"""The study of Yeh et al., Scientific Reports 2021, repeatable on any set of annotated films."""
