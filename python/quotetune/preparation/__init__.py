"""Published data sets as prompts and a corpus: SQuAD, NaturalQuestions, Wikipedia, passages."""
