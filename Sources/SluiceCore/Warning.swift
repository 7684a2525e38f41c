/// Something that was skipped, clamped, converted or guessed: shown on screen and kept in the report.
public struct Warning: Sendable, Hashable {
  /// The kind of a warning; its raw value stands in reports.
  public enum Kind: String, Sendable, Hashable, CaseIterable {
    /// A tensor of the base is missing in a fine-tuned model and counts as unchanged.
    case missingTensor = "missing-tensor"
    /// A tensor that only a fine-tuned model has was left out or copied.
    case extraTensor = "extra-tensor"
    /// F64 weights were rounded to F32.
    case roundedF64 = "rounded-f64"
    /// A pruning rate fell outside 0 ... 1 and was clamped.
    case clampedRate = "clamped-rate"
    /// A model of the recipe takes no part.
    case leftOut = "left-out"
    /// Many elements share the value at a threshold.
    case manyTies = "many-ties"
    /// A partition holds no element.
    case emptyPartition = "empty-partition"
    /// A fine-tuned linear layer equals the base.
    case unchangedTensor = "unchanged-tensor"
    /// Rows were cut or added because vocabularies differ.
    case vocabulary = "vocabulary"
    /// Rows of embeddings and heads were matched by token.
    case matchedRows = "matched-rows"
    /// A tied head was materialised from its embedding.
    case untiedHead = "untied-head"
    /// Models differ in dtype.
    case mixedDTypes = "mixed-dtypes"
    /// Something in an input file is legal but odd.
    case oddInput = "odd-input"
    /// Finished work of an earlier attempt was not what had been written, and was done again.
    case damagedWork = "damaged-work"
    /// The configs of two models say otherwise what their weights were trained for.
    case configDiffers = "config-differs"
    /// The tokenizers of two models are not the same.
    case tokenizerDiffers = "tokenizer-differs"
    /// Pruning was asked for, and little or nothing is pruned.
    case littlePruned = "little-pruned"
    /// A recipe in mergekit's grammar has a key that nothing looks at.
    case ignoredKey = "ignored-key"
    /// A path of a recipe leads to what lies elsewhere than where paths start, or in two places.
    case modelPlace = "model-place"
    /// The output's file system has no locks.
    case unlockedOutput = "unlocked-output"
  }

  /// The kind.
  public let kind: Kind
  /// What it is about.
  public let subject: Subject
  /// What happened.
  public let message: String

  /// Describes a warning.
  ///
  /// - Parameters:
  ///   - kind: The kind.
  ///   - subject: What it is about.
  ///   - message: What happened.
  public init(_ kind: Kind, subject: Subject = Subject(), message: String) {
    self.kind = kind
    self.subject = subject
    self.message = message
  }
}
