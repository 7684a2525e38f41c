import Glibc
import Measuring
import Platform

/// A method of mergekit, by the name that its recipes have for it.
public enum MergekitMethod: String, CaseIterable, Hashable, Sendable {
  /// Trim each tensor by magnitude, elect signs.
  case ties
  /// Drop at random, elect signs.
  case dareTies = "dare_ties"
  /// Add task vectors up.
  case taskArithmetic = "task_arithmetic"
  /// The mean of the models.
  case linear

  /// A recipe that does what the scenario of sluice does which it is compared with.
  /// - Parameters:
  ///   - base: the folder of the base model.
  ///   - models: the folders of the fine-tuned models.
  ///   - dtype: the type as PyTorch calls it.
  /// - Returns: the text of the recipe.
  func recipe(base: String, models: [String], dtype: String) -> String {
    var lines = ["merge_method: \(rawValue)", "dtype: \(dtype)"]
    if self != .linear { lines.append("base_model: \(quoted(base))") }
    lines.append("models:")
    for model in models {
      lines.append("  - model: \(quoted(model))")
      lines.append("    parameters:")
      lines.append("      weight: 1.0")
      switch self {
      case .ties, .dareTies: lines.append("      density: \(Scenario.density)")
      case .taskArithmetic, .linear: break
      }
    }
    return lines.joined(separator: "\n") + "\n"
  }

  /// A text as YAML and JSON both write it.
  private func quoted(_ text: String) -> String {
    JSON.string(text).compactText
  }
}

/// mergekit in a virtual environment.
public struct Mergekit: Sendable {
  private let program: String
  private let python: String

  /// Finds mergekit.
  /// - Parameter environment: the folder of the virtual environment.
  /// - Throws: `BenchFailure` when it is not installed there.
  public init(environment: String) throws {
    program = environment + "/bin/mergekit-yaml"
    python = environment + "/bin/python"
    guard access(program, X_OK) == 0 else {
      throw BenchFailure(
        "\(program): no such program; 'mergekit/install \(environment)' installs it there")
    }
  }

  /// The versions that are measured, for results.
  /// - Parameter scratch: a folder for what Python says.
  /// - Returns: such as `mergekit 0.1.5, torch 2.9.1`.
  /// - Throws: `BenchFailure` when Python cannot tell.
  public func versions(scratch: String) throws -> String {
    let script = """
      from importlib.metadata import version
      print(', '.join(f'{name} {version(name)}' for name in ('mergekit', 'torch')))
      """
    return try ChildProcess([python, "-c", script]).firstLine(scratch: scratch)
  }

  /// The command of a merge without a network, and without the tokenizer that families lack.
  /// - Parameters:
  ///   - recipe: the file of the recipe.
  ///   - out: the folder of the merged model.
  /// - Returns: the words.
  func command(recipe: String, out: String) -> [String] {
    ["env", "HF_HUB_OFFLINE=1", program, recipe, out, "--quiet", "--no-copy-tokenizer"]
  }
}
