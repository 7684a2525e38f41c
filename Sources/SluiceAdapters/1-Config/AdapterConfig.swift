internal import SluiceCore
internal import SluiceFormats

/// What an `adapter_config.json` says, as far as it changes a weight.
package struct AdapterConfig: Sendable {
  /// The name of the file.
  package static let fileName = "adapter_config.json"
  /// The longest config that is read.
  package static let maximumByteCount = 4 << 20
  /// The most entries of a table or list.
  static let entryLimit = 1 << 17

  /// The rows of embeddings that the adapter holds whole.
  package enum TokenRows: Sendable, Hashable {
    /// Those of the input embedding.
    case ofEmbedding([Int])
    /// Those of named modules.
    case byModule([String: [Int]])
  }

  /// The rank where no pattern says another.
  package var rank = 8
  /// The numerator of the scale, where no pattern says another.
  package var alpha = 8.0
  /// Ranks of modules.
  package var rankPatterns = PatternTable<Int>()
  /// Numerators of modules.
  package var alphaPatterns = PatternTable<Double>()
  /// Whether scales are alpha / sqrt(rank).
  package var isRankStabilised = false
  /// Whether weights are decomposed into magnitudes and directions (DoRA).
  package var isDecomposed = false
  /// Whether linear layers keep their weights as inputs x outputs.
  package var isTransposed = false
  /// Parameters that are adapted themselves, and not as the weight of a module.
  package var targetParameters: [String] = []
  /// Rows of embeddings that the adapter holds whole.
  package var tokenRows: TokenRows?
  /// Keys with a value that are not known, and were taken to change no weight.
  package var unknownKeys: [String] = []

  /// Reads a config.
  ///
  /// - Parameters:
  ///   - text: The text.
  ///   - file: The path to name in errors.
  /// - Throws: If it is no config of LoRA, or of a kind of LoRA that cannot be folded.
  package init(_ text: [UInt8], file: String) throws {
    // Safety: the text outlives the scanner.
    let config = unsafe text.withUnsafeBytes { bytes in
      Result {
        var reader = unsafe AdapterConfigReader(
          JSONScanner(bytes, file: file, acceptsPythonNumbers: true), file: file)
        return try reader.read()
      }
    }
    self = try config.get()
  }

  init() {}

  /// What deltas of a module are multiplied by.
  ///
  /// Formula: alpha / rank, or alpha / sqrt(rank) where it is rank-stabilised.
  ///
  /// - Parameters:
  ///   - rank: The rank of the module.
  ///   - alpha: Its numerator.
  /// - Returns: The scale.
  package func scale(rank: Int, alpha: Double) -> Double {
    isRankStabilised ? alpha / Double(rank).squareRoot() : alpha / Double(rank)
  }
}
