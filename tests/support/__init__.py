"""What several tests share: stages run alone, trees, and independent judges of our formats."""
