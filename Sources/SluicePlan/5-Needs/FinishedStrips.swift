/// What earlier attempts finished, by the ordinals of strips.
package struct FinishedStrips {
  /// Whether a strip is counted.
  var isCounted: (Int) -> Bool = { _ in false }
  /// Whether a strip is spilled.
  var isSpilled: (Int) -> Bool = { _ in false }
  /// Whether a pass finished a strip.
  var isFinished: (UnitKind, Int) -> Bool = { _, _ in false }

  /// Nothing.
  package init() {}

  /// Takes what is known of each.
  package init(
    isCounted: @escaping (Int) -> Bool, isSpilled: @escaping (Int) -> Bool,
    isFinished: @escaping (UnitKind, Int) -> Bool
  ) {
    self.isCounted = isCounted
    self.isSpilled = isSpilled
    self.isFinished = isFinished
  }
}
