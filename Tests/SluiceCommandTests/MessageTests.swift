import Foundation
import SluiceMethods
import SluiceTestSupport
import Testing

/// What users read when something is wrong, word for word, and the exit code.
@Suite("Messages")
struct MessageTests {
  struct Case: CustomTestStringConvertible, Sendable {
    /// Arguments; `{d}` stands for the directory of the family, `{a}` for the first model's name.
    let arguments: [String]
    let exitCode: Int32
    let errors: String
    var testDescription: String { arguments.joined(separator: " ") }
  }

  static let merge = ["merge", "--base", "{d}/base", "--model", "{a}={d}/{a}", "--out", "{d}/out"]
  static let blend = merge + ["--prune", "none", "--merge", "own-regmean"]

  static let cases: [Case] = [
    Case(
      arguments: ["merge", "--base", "{d}/nowhere", "--model", "x={d}/{a}", "--out", "{d}/out"],
      exitCode: 65,
      errors: """
        error: model base, {d}/nowhere: no such file or directory
        hint: Check the path.

        """),
    Case(
      arguments: ["merge", "--base", "{d}/base", "--out", "{d}/out"], exitCode: 64,
      errors: """
        error: no fine-tuned model is given
        hint: Add --model NAME=DIRECTORY.

        """),
    Case(
      arguments: merge + ["--model", "{a}={d}/{a}"], exitCode: 64,
      errors: """
        error: two models are called {a}
        hint: Give each model a name of its own; the base is called base.

        """),
    Case(
      arguments: merge + ["--model", "rescale={d}/{a}"], exitCode: 64,
      errors: """
        error: a model cannot be called rescale: a recipe's stage amplify has a setting of this name
        hint: Give the model another name.

        """),
    Case(
      arguments: merge + ["--weight", "\u{1b}[2J\t=1"], exitCode: 64,
      errors: #"""
        error: --weight: there is no model \u{1b}[2J\u{9}; the models are: {a}

        """#),
    Case(
      arguments: merge + ["--pruning-rate", "1.2"], exitCode: 64,
      errors: """
        error: --pruning-rate: a number from 0 to below 1 is expected, found "1.2"

        """),
    Case(
      arguments: merge + ["--spill", "frozen"], exitCode: 64,
      errors: """
        error: the value 'frozen' is invalid for '--spill <auto|off|none|rice|lz4|zstd|zstd:level>'. \
        Please provide one of the following: auto, off, none, rice, lz4, zstd, zstd:LEVEL.
        hint: See 'sluice merge --help' for more information.

        """),
    Case(
      arguments: merge + ["--tie-break", "coin"], exitCode: 64,
      errors: """
        error: --tie-break: "coin" is not one of the words expected here
        hint: Known are: spread, index, drop, keep.

        """),
    Case(
      arguments: merge + ["--prune", "magnitud"], exitCode: 64,
      errors: """
        error: --prune: "magnitud" is not one of the words expected here
        hint: Did you mean magnitude? Known are: \(PruneMethod.table.map(\.name).joined(separator: ", ")).

        """),
    Case(
      arguments: merge + ["--prune", "none", "--pruning-rate", "0.5"], exitCode: 64,
      errors: """
        error: --pruning-rate belongs to --prune dppa, dp, magnitude, owl, dare, wanda, sparsegpt, and this is --prune none
        hint: Leave --pruning-rate out.

        """),
    Case(
      arguments: merge + ["--merge", "sum", "--zero-sign", "drop"], exitCode: 64,
      errors: """
        error: --zero-sign belongs to --merge ties, adamerging++, and this is --merge sum
        hint: Leave --zero-sign out.

        """),
    Case(
      arguments: merge + ["--scope", "all"], exitCode: 64,
      errors: """
        error: --scope belongs to --prune dare, and this is --prune dppa
        hint: Leave --scope out.

        """),
    Case(
      arguments: merge + ["--seed", "3"], exitCode: 64,
      errors: """
        error: --seed is of --compensate own, and that is not asked for
        hint: Leave it out, or add --compensate own.

        """),
    Case(
      arguments: merge + ["--compensate", "own", "--rescale", "row-l2"], exitCode: 64,
      errors: """
        error: --compensate own makes up for what the mask removes already
        hint: Leave --rescale out.

        """),
    Case(
      arguments: merge + ["--rescale", "inverse"], exitCode: 64,
      errors: """
        error: --rescale inverse makes up for deltas that are dropped at random, and --prune dppa keeps the largest
        hint: --rescale row-l2 restores the norm of each row.

        """),
    Case(
      arguments: merge + ["--compensate", "own", "--sketch-rank", "2000"], exitCode: 64,
      errors: """
        error: --sketch-rank must lie in 1 ... 1024; it is 2000

        """),
    Case(
      arguments: merge + ["--compensate", "own", "--sketch-rank", "0%"], exitCode: 64,
      errors: """
        error: --sketch-rank: a whole number, a share above 0% and below 100%, or all, is expected, found "0%"

        """),
    Case(
      arguments: blend + ["--compensate", "own"], exitCode: 64,
      errors: """
        error: --compensate own makes up for what --blend-rate removes of blended deltas, and that is 0
        hint: Leave it out, or add --blend-rate.

        """),
    Case(
      arguments: blend + ["--compensate", "own", "--blend-rate", "0.8", "--blend-factor", "1.3"],
      exitCode: 64,
      errors: """
        error: --compensate own makes up for what --blend-rate removes already
        hint: Leave --blend-factor out.

        """),
    Case(
      arguments: blend + ["--blend-rate", "0.8", "--ridge", "0.1"], exitCode: 64,
      errors: """
        error: --ridge is of --compensate own, and that is not asked for
        hint: Leave it out, or add --compensate own.

        """),
    Case(
      arguments: merge + ["--amplify", "{a}=1,2,3"], exitCode: 64,
      errors: """
        error: model {a} has 3 factors for 2 partitions (rates 0.9, 0.8)
        hint: Give at most one factor for each partition, most severe first.

        """),
    Case(
      arguments: merge + ["--amplify", "{a}=1,x"], exitCode: 64,
      errors: "error: --amplify {a}=1,x: factors are numbers\n"),
    Case(
      arguments: merge + ["--weight", "other=1"], exitCode: 64,
      errors: "error: --weight: there is no model other; the models are: {a}\n"),
    Case(
      arguments: merge + ["--shard-size", "1B"], exitCode: 64,
      errors: """
        error: --shard-size: a size of at least 1kB is expected, found 1B; a billion bytes are 1GB

        """),
    Case(
      arguments: merge + ["--memory", "1MB", "--quiet"], exitCode: 64,
      errors: """
        error: a memory budget of 1MB is too small for these models
        hint: The smallest that works is --memory 5MiB.

        """),
    Case(
      arguments: merge + ["--threads", "0"], exitCode: 64,
      errors: "error: the number of threads must lie in 1 ... 1024; it is 0\n"),
    Case(
      arguments: [
        "merge", "--base", "{d}/base", "--model", "{a}={d}/{a}", "--out", "{d}/base", "--quiet",
      ], exitCode: 64,
      errors: """
        error: {d}/base: the output directory holds model.safetensors, an input of this merge
        hint: Choose another --out: inputs are never written to.

        """),
    Case(
      arguments: ["inspect", "{d}/base/config.json"], exitCode: 65,
      errors: """
        error: {d}/base/config.json: expected a directory or a file of weights, found a JSON file
        hint: Give the directory that holds it.

        """),
  ]

  @Test("are clear, and the exit code says what kind of error it is", arguments: cases)
  func message(example: Case) throws {
    let directory = try FamilyDirectory()
    let name = directory.family.fineTuned[0].name
    func filled(_ text: String) -> String {
      text.replacingOccurrences(of: "{d}", with: directory.path)
        .replacingOccurrences(of: "{a}", with: name)
    }
    let result = try SluiceProcess.run(example.arguments.map(filled))
    #expect(result.exitCode == example.exitCode)
    #expect(result.errors == filled(example.errors))
    #expect(result.output.isEmpty)
    #expect(!FileManager.default.fileExists(atPath: directory.path + "/out"))
  }

  @Test(
    "wrong options end with where to read more, and exit code 64",
    arguments: [
      ["merge"], ["merge", "--base", "b", "--out", "o", "--memory", "much"],
      ["merge", "--base", "b", "--out", "o", "--frobnicate"], ["completions", "ksh"],
    ])
  func usage(arguments: [String]) throws {
    let result = try SluiceProcess.run(arguments)
    #expect(result.exitCode == 64)
    #expect(result.errors.hasPrefix("error: "))
    #expect(result.errors.contains("hint: See 'sluice \(arguments[0]) --help'"))
  }
}
