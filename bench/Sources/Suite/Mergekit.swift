import Glibc
import Measuring
import Platform

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
