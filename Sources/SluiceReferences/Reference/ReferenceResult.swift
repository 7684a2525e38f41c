/// What a merge must give: bytes, and every decision on the way.
package struct ReferenceResult: Sendable {
  /// The row of one linear tensor of one model.
  package struct Row: Sendable, Equatable {
    /// The name of the tensor.
    package var name: String
    /// Counts, mean and significance.
    package var statistics: Reference.Statistics
    /// The pruning rate at each partition, most severe first; so are the next three.
    package var rates: [Double]
    /// How many elements each partition alone holds.
    package var kept: [Int]
    /// The smallest |delta| within each partition's quota; infinity for an empty quota.
    package var thresholds: [Float]
    /// How many elements share each threshold.
    package var tied: [Int]

    /// Collects the numbers.
    package init(
      name: String, statistics: Reference.Statistics, rates: [Double], kept: [Int],
      thresholds: [Float], tied: [Int]
    ) {
      self.name = name
      self.statistics = statistics
      self.rates = rates
      self.kept = kept
      self.thresholds = thresholds
      self.tied = tied
    }
  }

  /// The rows of one fine-tuned model.
  package struct Model: Sendable, Equatable {
    /// The name of the model.
    package var name: String
    /// Its linear tensors, in byte order of names.
    package var rows: [Row]

    /// The row of a tensor.
    package subscript(name: String) -> Row? { rows.first { $0.name == name } }
  }

  /// The output tensors, in byte order of names.
  package var tensors: [TinyTensor]
  /// The fine-tuned models, in the given order.
  package var models: [Model]
  /// The overall rates of the partitions, most severe first.
  package var partitionRates: [Double]

  /// The output tensor of a name.
  package subscript(name: String) -> TinyTensor? { tensors.first { $0.name == name } }
}

/// Why models cannot be merged.
package enum ReferenceError: Error, Equatable {
  /// A tensor has another shape in a fine-tuned model.
  case shapeMismatch(model: String, tensor: String)
  /// The base has no tensor of this name.
  case extraTensor(model: String, tensor: String)
  /// Weights of a type that has no delta here.
  case unmergeable(tensor: String)
  /// A weight is NaN or infinite, in a model (nil: the base).
  case notFinite(model: String?, tensor: String)
  /// A merged weight does not fit the output type.
  case overflow(tensor: String)
  /// A model has more amplification factors than there are partitions, or an option names no model.
  case badOption(String)
}
