"""What can be measured in one chest CT without knowing its report: numbers by name, checks of the chest, its seams."""
