import Foundation
import SluiceCore
import SluiceFormats
import SluiceKernels
import SluiceMethods
import SluicePlan
import SluiceRecipe
import SluiceRun
import SluiceStages
import SluiceTestSupport
import Testing

/// What every merge in mergekit's grammar keeps, whatever the method: the same bytes however it is run, stopped
/// and gone on with, and a plan that says what the run does.
@Suite("Promises of mergekit's methods")
struct StepPromiseTests {
  /// A recipe, and the family that it is for.
  struct Case: Sendable, CustomTestStringConvertible {
    var name: String
    var text: String
    var hasTokens = false

    var testDescription: String { name }

    func family(_ dtype: DType) throws -> FamilyDirectory {
      // Several strips, so that there is something to share and to stop in.
      try hasTokens
        ? TokenFamily.family(dtype) : FamilyDirectory(dtype: dtype) { $0.vocabularySize = 2800 }
    }
  }

  /// One recipe for each method, and those whose inputs are no models as they lie.
  static let cases: [Case] = {
    var seen: Set<String> = []
    let all = StepMethodTests.cases + StepMethodTests.near
    // The last of each method says most of itself.
    var cases = all.reversed().filter { seen.insert($0.method).inserted }.reversed().map {
      Case(name: $0.method, text: $0.text(dtype: "bfloat16"))
    }
    cases += [
      Case(
        name: "passthrough of slices",
        text: """
          merge_method: passthrough
          slices:
            - sources: [{model: models/math, layer_range: [0, 2]}]
            - sources: [{model: models/law, layer_range: [1, 2]}]
          dtype: float16
          """),
      Case(
        name: "ties of slices",
        text: """
          merge_method: ties
          base_model: models/base
          slices:
            - sources:
                - {model: models/base, layer_range: [0, 2]}
                - {model: models/math, layer_range: [0, 2], parameters: {weight: 0.7, density: [0.5, 0.3]}}
            - sources:
                - {model: models/law, layer_range: [1, 2], parameters: {weight: 0.4, density: 0.6}}
                - {model: models/base, layer_range: [1, 2]}
          dtype: bfloat16
          """),
      Case(
        name: "union of tokens, filled up",
        text: TokenFamily.text(
          "ties", "tokenizer: {source: union, pad_to_multiple_of: 64}\ndtype: bfloat16\n",
          base: true),
        hasTokens: true),
      Case(
        name: "tokens of another model",
        text: TokenFamily.text(
          "linear", "tokenizer_source: models/law\ndtype: float32\n", base: false), hasTokens: true),
    ]
    return cases
  }()

  @Test("there is a case for every method")
  func coverage() {
    let names = Set(StepPromiseTests.cases.map(\.name))
    for method in StepMethod.table { #expect(names.contains(method.name), "\(method.name)") }
  }

  /// Those that the fast tests try: a method of several passes, and rows of another tokenizer.
  static let some = cases.filter { ["sce", "tokens of another model"].contains($0.name) }

  @Test("hold for some of them", arguments: some)
  func someHold(merge: Case) throws {
    try expectSameBytes(merge, .bf16, variants: Array(StepPromiseTests.variants.prefix(2)))
    try expectResumed(merge, .bf16, stops: 1)
  }

  /// Ways to run that must not change a byte.
  static let variants: [@Sendable (inout RunOptions) -> Void] = [
    { options in
      options.threads = 1
      options.io = .mmap
      options.stripElements = Granularity.grainElements
    },
    { options in
      options.threads = 3
      options.memory = .mebibytes(40)
      options.edges = .queued
    },
    { $0.vectorLevel = .baseline },
    { options in
      options.chunkElements = Granularity.grainElements
      options.io = .mmap
      options.edges = .queued
    },
    { options in
      options.isJournaled = false
      options.threads = 4
      options.stripElements = 3 * Granularity.grainElements
    },
  ]

  /// Merges in several ways, and compares.
  func expectSameBytes(
    _ merge: Case, _ dtype: DType, variants: [@Sendable (inout RunOptions) -> Void]
  ) throws {
    let directory = try merge.family(dtype)
    let recipe = try directory.recipe(merge.text)
    let expected = try directory.run(recipe).model
    for change in variants {
      var options = RunOptions(threads: 2)
      change(&options)
      try directory.run(recipe, options: options).model.expectSameBytes(as: expected)
    }
  }

  /// Ends runs as a kill does, at calls that lie evenly between the first and the last, and goes on with them.
  func expectResumed(_ merge: Case, _ dtype: DType, stops: Int) throws {
    let directory = try merge.family(dtype)
    let recipe = try directory.recipe(merge.text)
    let expected = try directory.run(recipe).model
    var options = RunOptions(threads: 2)
    options.stripElements = Granularity.grainElements
    options.journalPace.interval = .zero
    func run(_ output: String) throws {
      // It may have come to its end before the call came: then there is nothing left to do.
      _ = try MergeRun(try MergePlan(recipe, options: options), output: output).run()
    }
    let counter = FailingDisk(under: directory("counted"))
    try run(directory("counted"))
    counter.end()
    let count = counter.calls.count
    for stop in 1...stops {
      let output = directory("stopped-\(stop)")
      let disk = FailingDisk(under: output, .kill, at: max(2, count * stop / (stops + 1)))
      try? run(output)
      disk.end()
      try run(output)
      try TinyModel.read(output).expectSameBytes(as: expected)
    }
  }
}

/// What the fast tests show of two.
@Suite("Promises of every method of mergekit's")
struct SluiceSlowStepPromiseTests {
  @Test(
    "the same bytes for any threads, memory, chunks, vectors, ways to read, and without a journal",
    arguments: StepPromiseTests.cases, [DType.bf16, .f32])
  func bytes(merge: StepPromiseTests.Case, dtype: DType) throws {
    try StepPromiseTests().expectSameBytes(merge, dtype, variants: StepPromiseTests.variants)
  }

  @Test("the same bytes after stops", arguments: StepPromiseTests.cases)
  func stops(merge: StepPromiseTests.Case) throws {
    try StepPromiseTests().expectResumed(merge, .bf16, stops: 4)
  }

  @Test("the passes that the plan has", arguments: StepPromiseTests.cases)
  func passes(merge: StepPromiseTests.Case) throws {
    let directory = try merge.family(.bf16)
    try PassTests().expectSamePasses(directory.recipe(merge.text), in: directory)
  }
}
