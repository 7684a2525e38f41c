extension TieCursor {
  /// Makes the cursor that selects what a cut keeps.
  ///
  /// - Parameters:
  ///   - cut: The cut.
  ///   - tieBreak: Which of the elements at the threshold are kept.
  ///   - tiesBefore: How many elements at the threshold come before the first that is selected.
  package init(_ cut: Cut, tieBreak: TieBreak, tiesBefore: Int) {
    guard cut.thresholdBits > 0 else {
      // Every magnitude from the smallest on.
      self.init(threshold: 1, rule: .keepAll)
      return
    }
    if cut.keptOfTied == 0 {
      self.init(threshold: cut.thresholdBits, rule: .dropAll)
    } else if cut.keptOfTied == cut.tied {
      self.init(threshold: cut.thresholdBits, rule: .keepAll)
    } else {
      self.init(
        threshold: cut.thresholdBits, rule: tieBreak == .index ? .index : .spread,
        limit: tieBreak.keyLimit(keeping: cut.keptOfTied, of: cut.tied),
        next: UInt64(tiesBefore))
    }
  }
}
