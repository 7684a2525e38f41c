internal import SluiceArchitecture
internal import SluiceCore
internal import SluiceFormats

/// The values of a config, each of the kind that is expected.
struct ConfigValues {
  /// No size of a model is larger.
  private static let largest = 1 << 28

  private let config: ModelConfig
  /// The path to name in errors.
  let file: String

  init(_ config: ModelConfig, file: String) {
    self.config = config
    self.file = file
  }

  /// A size that must be there.
  func count(_ key: String) throws(EvaluationError) -> Int {
    guard let value = try optionalCount(key) else {
      throw EvaluationError.badInput("the config has no \(key)", file: file)
    }
    return value
  }

  /// A size that may be missing.
  func optionalCount(_ key: String) throws(EvaluationError) -> Int? {
    guard config.text(key) != nil else { return nil }
    guard let value = config.integer(key), (1...ConfigValues.largest).contains(value) else {
      throw EvaluationError.badInput("\(key) of the config is no size", file: file)
    }
    return value
  }

  /// A finite number.
  func number(_ key: String) -> Double? {
    switch config.text(key) {
    case .integer(let value): Double(value)
    case .double(let value) where value.isFinite: value
    default: nil
    }
  }

  /// A text.
  func word(_ key: String) -> String? {
    if case .string(let value)? = config.text(key) { value } else { nil }
  }

  /// A truth value.
  func flag(_ key: String) -> Bool? {
    if case .bool(let value)? = config.text(key) { value } else { nil }
  }
}
