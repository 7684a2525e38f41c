package import SluiceStages

/// What follows from all tensors and is known before the passes run, where a plan has only some of them.
package struct KnownFindings: Sendable {
  /// The rates of linear layers.
  package var rates: LayerRates?
  /// Where the original TIES trims each model.
  package var trims: GlobalCuts?
  /// The signs that all elements elect.
  package var majority: Int?

  /// Nothing.
  package init() {}
}
