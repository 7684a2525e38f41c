internal import SluiceCore

/// A program that does the work of a stage, as a recipe describes it.
public struct ExecSpec: Sendable, Hashable {
  /// What a program is given.
  public enum Kind: String, Sendable, Hashable, CaseIterable {
    /// The deltas of one model.
    case delta
    /// The deltas of all models, to be made one.
    case merge
  }

  /// The version of the protocol between sluice and programs.
  public static let protocolVersion = 1
  /// The most seconds that a program may be given for a chunk.
  public static let longestTimeLimit = 86_400.0

  /// The program and its arguments.
  public var command: [String]
  /// The directory that it runs in.
  public var directory: String
  /// What it is given.
  public var kind: Kind
  /// What the stage is called in messages.
  public var name: String
  /// Which tensors it changes; a program that merges is given all that are merged.
  public var scope: TransformScope = .linear
  /// The statistics that it is told of each tensor.
  public var statistics: [ExecStatistic] = []
  /// The longest time for an answer, in seconds.
  public var timeLimit = 60.0
  /// The bytes that the recipe says one running program needs; counted against the budget.
  public var byteCount = 0
  /// What changes with the program: a hash of its files.
  public var version = ""
  /// The stage as a recipe writes it, without what does not change a byte.
  public var recipeText = ""
  /// The names of the fine-tuned models, in order.
  public var modelNames: [String]

  /// Describes a program.
  ///
  /// - Parameters:
  ///   - command: The program and its arguments, at least one.
  ///   - kind: What it is given.
  ///   - name: What the stage is called in messages.
  ///   - directory: The directory that it runs in.
  ///   - modelNames: The names of the fine-tuned models, in order.
  public init(
    command: [String], kind: Kind, name: String, directory: String, modelNames: [String]
  ) {
    precondition(!command.isEmpty)
    self.command = command
    self.kind = kind
    self.name = name
    self.directory = directory
    self.modelNames = modelNames
  }

  /// The bytes shared with one program: inputs and an output, a grain of Float32 each.
  public var sharedByteCount: Int {
    ((kind == .delta ? 1 : modelNames.count) + 1) * Granularity.grainElements * 4
  }
}

/// A statistic that a program can ask for.
public enum ExecStatistic: Sendable, Hashable {
  /// The mean of |delta|.
  case mean
  /// The largest |delta|.
  case largest
  /// The |delta| that a share of the elements does not exceed.
  case quantile(Double)

  /// The name in requests.
  public var name: String {
    switch self {
    case .mean: "mean"
    case .largest: "largest"
    case .quantile(let share): "quantile-\(share)"
    }
  }

  /// What is computed.
  public var statistic: any TensorStatistic {
    switch self {
    case .mean: MeanMagnitude()
    case .largest: MagnitudeQuantile(share: 1)
    case .quantile(let share): MagnitudeQuantile(share: share)
    }
  }
}

extension StageError {
  /// Something that a program did, or did not do.
  static func program(
    _ spec: ExecSpec, _ exitCode: ExitCode, tensor: String?, _ message: String, errors: String
  ) -> StageError {
    let said = errors.isEmpty ? "" : "; it last wrote to its standard error: \(errors.printable)"
    return StageError(
      Failure(
        exitCode, subject: Subject(tensor: tensor),
        message:
          "the stage \(spec.name.printable) (\(spec.command.joined(separator: " ").printable))"
          + " \(message)\(said)",
        remedy: exitCode == .stopped
          ? "Mend what stopped the program, and give the same command again."
          : "The program does not keep to the protocol (docs/reference/exec-protocol.md)."))
  }
}
