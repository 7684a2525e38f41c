import ArgumentParser
import Glibc
import Measuring
import Platform

/// What the measured merge is called with, shared by the commands that run it.
struct SluiceOptions: ParsableArguments {
  @Option(help: "The sluice to measure.")
  var sluice = "../.build/release/sluice"
  @Argument(
    parsing: .postTerminator,
    help: "After '--': options for 'sluice merge' as they are, such as --threads 2 --io pread.")
  var handedOn: [String] = []

  /// Says in time that there is nothing to measure.
  func requireBinary() throws { try MergeInvocation.requireBinary(sluice) }
}

/// `NAME=DIR`, as `sluice merge --model` takes it.
struct ModelArgument: ExpressibleByArgument, Hashable, Sendable {
  let name: String
  let path: String

  init?(argument: String) {
    let parts = argument.split(separator: "=", maxSplits: 1)
    guard parts.count == 2 else { return nil }
    name = String(parts[0])
    path = String(parts[1])
  }

  init(name: String, path: String) {
    self.name = name
    self.path = path
  }
}

/// One call of `sluice merge`.
struct MergeInvocation {
  let sluice: String
  let base: String
  let models: [ModelArgument]
  let handedOn: [String]

  /// Says in time that there is nothing to measure.
  static func requireBinary(_ sluice: String) throws {
    guard access(sluice, X_OK) == 0 else {
      throw BenchFailure(
        "\(sluice): no such program. Build it with 'swift build -c release' in the folder above, "
          + "or name it with --sluice")
    }
  }

  /// The weight files of all models, the base's first.
  func inputs() throws -> [String] {
    try ([base] + models.map(\.path)).flatMap(Directory.weightFiles(in:))
  }

  /// The command with an output folder.
  func command(out: String) -> [String] {
    var words = [sluice, "merge", "--base", base]
    for model in models { words += ["--model", "\(model.name)=\(model.path)"] }
    return words + ["--out", out] + handedOn
  }
}

/// The sizes of files added up.
func byteCount(of paths: [String]) throws -> Int {
  try paths.reduce(0) { try $0 + File($1, O_RDONLY).size() }
}

/// The end of a file of messages, for an error that quotes it.
func tail(of path: String) -> String {
  let bytes = (try? File.contents(of: path)) ?? []
  return String(decoding: bytes.suffix(2000), as: UTF8.self)
}

/// A number of bytes in MiB.
func mebibytes(_ bytes: Int) -> String { (Double(bytes) / 0x1p20).fixed(1) }
