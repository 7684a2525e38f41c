/// What is said of a single model, beside the pruning rate that it may have for itself.
package enum ModelParameter: String, Sendable, Hashable, CaseIterable {
  /// What its partitions are multiplied by.
  case amplify
  /// What its deltas are multiplied by.
  case weight

  /// The flag.
  package var flag: String { "--\(rawValue)" }

  /// How the flag's value is written, after the model's name.
  package var valueName: String {
    switch self {
    case .amplify: "f1,f2,..."
    case .weight: "w"
    }
  }

  /// What it means.
  package var summary: String {
    switch self {
    case .amplify:
      "Amplification factors of a model, most severe partition first; 1 where none is given."
    case .weight: "What a model's deltas are multiplied by; 1 if not given."
    }
  }
}
