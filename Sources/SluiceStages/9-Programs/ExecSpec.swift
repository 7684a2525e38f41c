internal import SluiceCore

/// A program that does the work of a stage, as a recipe describes it.
package struct ExecSpec: Sendable, Hashable {
  /// What a program is given.
  package enum Kind: String, Sendable, Hashable, CaseIterable {
    /// The deltas of one model.
    case delta
    /// The deltas of all models, to be made one.
    case merge
  }

  /// The version of the protocol between sluice and programs.
  package static let protocolVersion = 1
  /// The most seconds that a program may be given for a chunk.
  package static let longestTimeLimit = 86_400.0

  /// The program and its arguments.
  package var command: [String]
  /// The directory that it runs in.
  package var directory: String
  /// What it is given.
  package var kind: Kind
  /// What the stage is called in messages.
  package var name: String
  /// Which tensors it changes; a program that merges is given all that are merged.
  package var scope: TransformScope = .linear
  /// The statistics that it is told of each tensor.
  package var statistics: [ExecStatistic] = []
  /// The longest time for an answer, in seconds.
  package var timeLimit = 60.0
  /// The bytes that the recipe says one running program needs; counted against the budget.
  package var byteCount = 0
  /// What changes with the program: a hash of its files.
  package var version = ""
  /// The stage as a recipe writes it, without what does not change a byte.
  package var recipeText = ""
  /// The names of the fine-tuned models, in order.
  package var modelNames: [String]

  /// Describes a program.
  package init(
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
  package var sharedByteCount: Int {
    ((kind == .delta ? 1 : modelNames.count) + 1) * Granularity.grainElements * 4
  }
}

/// A statistic that a program can ask for.
package enum ExecStatistic: Sendable, Hashable {
  /// The mean of |delta|.
  case mean
  /// The largest |delta|.
  case largest
  /// The |delta| that a share of the elements does not exceed.
  case quantile(Double)

  /// The name in requests.
  package var name: String {
    switch self {
    case .mean: "mean"
    case .largest: "largest"
    case .quantile(let share): "quantile-\(share)"
    }
  }

  /// What is computed.
  package var statistic: any TensorStatistic {
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
