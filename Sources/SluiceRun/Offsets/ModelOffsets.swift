internal import SluicePlan
internal import SluiceRecipe

/// What the offsets of a fine-tuned model look like: its deltas in linear layers.
package struct ModelOffsets: Sendable, Hashable {
  /// A linear layer.
  package struct Layer: Sendable, Hashable {
    /// The tensor's name.
    package let name: String
    /// The number of offsets.
    package let elementCount: Int
    /// How many of them are exactly zero.
    package let zeroCount: Int
    /// The mean of |offset|, zeros included.
    package let mean: Double
    /// The share of the magnitude above `significanceMultiple` times the mean.
    package let significance: Double
  }

  /// The name of the model.
  package let name: String
  /// The path as it was given.
  package let path: String
  /// Whether the answers come from a delta store, which does not know all signs.
  package let isStored: Bool
  /// How many times the mean an offset must exceed to be significant.
  package let significanceMultiple: Double
  /// The smallest offset, nine deciles, the largest; nil where signs are not known.
  ///
  /// Formula: of n offsets in ascending order number ceil(n * i / 10), at least 1, for i in 0 ... 10.
  package let signed: [Double]?
  /// The same of |offset|.
  package let magnitudes: [Double]
  /// The mean of |offset|.
  package let mean: Double
  /// The linear layers, in byte order of their names.
  package let layers: [Layer]

  /// The number of offsets.
  package var elementCount: Int { layers.reduce(0) { $0 + $1.elementCount } }
  /// How many of them are exactly zero.
  package var zeroCount: Int { layers.reduce(0) { $0 + $1.zeroCount } }
}

extension ModelOffsets {
  /// Which pruning suits the size of the offsets.
  ///
  /// Source: DPPA, later version, section 4.6.1, which sets the offsets of its models beside how well DARE
  /// does on them: it does where 80 % of the offsets lie within 0.0001 (Abel-Mistral) and does not where
  /// they lie within 0.0011 and 0.0016 (Abel-Llama, Finance-Llama). The paper has no model in between and gives no
  /// bound; ours are twice the former and just below the latter.
  package enum Advice: String, Sendable, Hashable, CaseIterable {
    /// Nothing was changed.
    case unchanged
    /// Offsets are as small as those that DARE copes with.
    case dare
    /// Neither is known.
    case either
    /// Offsets are as large as those that DARE fails on.
    case dppa

    /// Offsets up to this are as small as those of the paper's model that DARE suits.
    package static let smallReach = 0.0002
    /// Offsets from this on are as large as those of the paper's models that need DPPA.
    package static let largeReach = 0.001
  }

  /// The bound that 80 % of |offset| do not exceed.
  ///
  /// Where offsets are as often positive as negative, this is also about the size of the first and last deciles of
  /// the signed table.
  package var reach: Double { magnitudes[8] }

  /// Which pruning suits the model.
  package var advice: Advice {
    if magnitudes[10] == 0 { return .unchanged }
    if reach <= Advice.smallReach { return .dare }
    return reach < Advice.largeReach ? .either : .dppa
  }
}
