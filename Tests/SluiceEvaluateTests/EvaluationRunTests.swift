import Foundation
import SluiceCore
import SluiceDataflow
import SluiceFormats
import SluiceTestSupport
import Synchronization
import Testing

@testable import SluiceEvaluate

/// The same scores, however the work is cut.
@Suite("Evaluation runs") struct EvaluationRunTests {
  private func tasks(_ sequences: [DecoderFixture.Sequence]) throws -> TaskFile {
    let lines = sequences.map { sequence in
      let (prompt, answer) = (
        sequence.tokens[..<sequence.answerStart], sequence.tokens[sequence.answerStart...]
      )
      return "{\"prompt\":\(Array(prompt)),\"answer\":\(Array(answer))}"
    }
    return try TaskFile(Array(lines.joined(separator: "\n").utf8), path: "t.jsonl")
  }

  private func run(
    _ model: EvaluatedModel, _ task: TaskFile, threads: Int, memory: Int, _ directory: String,
    models: Int = 1
  ) throws -> (EvaluationResult, EvaluationPlan) {
    let plan = try EvaluationPlan(
      Array(repeating: model, count: models), [task], threads: threads,
      budget: EvaluationBudget(ByteCount(memory), recipeCount: 0), scratch: directory)
    return (try EvaluationRun(plan).run(), plan)
  }

  @Test("scores are the same for any memory, threads, and companions") func same() throws {
    let fixture = try DecoderFixture("llama3")
    let directory = try ScratchDirectory()
    try fixture.model.write(to: directory("model"))
    let model = try EvaluatedModel.open(directory("model"))
    let task = try tasks(fixture.sequences)
    let (first, plan) = try run(model, task, threads: 1, memory: 64 << 20, directory.path)
    #expect(plan.needs.directory == nil)
    #expect(first.bytesRead == plan.bytesRead)
    let least = plan.needs.laneBytes + plan.needs.tableBytes
    let (second, small) = try run(model, task, threads: 3, memory: least, directory.path)
    #expect(small.needs.directory == directory.path && small.needs.lanes == 1)
    #expect(small.needs.memoryBytes <= least)
    let (third, _) = try run(model, task, threads: 3, memory: 64 << 20, directory.path, models: 2)
    let scores = first.models[0].tasks[0].examples
    #expect(second.models[0].tasks[0].examples == scores)
    #expect(third.models.allSatisfy { $0.tasks[0].examples == scores })
    #expect(try Directory.list(directory.path).map(\.name) == ["model"])
    #expect(throws: EvaluationError.self) {
      try run(model, task, threads: 1, memory: least - 1, directory.path)
    }
  }

  @Test("the order of examples changes no score by more than rounding") func order() throws {
    let fixture = try DecoderFixture("mistral")
    let directory = try ScratchDirectory()
    try fixture.model.write(to: directory("model"))
    let model = try EvaluatedModel.open(directory("model"))
    let (one, _) = try run(
      model, tasks(fixture.sequences), threads: 2, memory: 64 << 20, directory.path)
    let (two, _) = try run(
      model, tasks(fixture.sequences.reversed()), threads: 2, memory: 64 << 20, directory.path)
    let (a, b) = (one.models[0].tasks[0].examples, two.models[0].tasks[0].examples.reversed())
    for (own, other) in zip(a, b) {
      #expect(own.areGreedy == other.areGreedy)
      #expect(abs(own.loss - other.loss) <= 2e-5 * own.loss)
    }
  }

  @Test("a model whose weights are not those of its config is refused by name") func refused()
    throws
  {
    var fixture = try DecoderFixture("llama2").model
    let directory = try ScratchDirectory()
    let task = try TaskFile(Array("{\"prompt\":[1],\"answer\":[2]}".utf8), path: "t")
    func error(_ change: (inout TinyModel) -> Void) throws -> Failure {
      var model = fixture
      change(&model)
      try model.write(to: directory("model"))
      let error = try #require(throws: EvaluationError.self) {
        try run(
          EvaluatedModel.open(directory("model")), task, threads: 1, memory: 64 << 20,
          directory.path)
      }
      return error.failure
    }
    let down = "model.layers.1.mlp.down_proj.weight"
    #expect(try error { $0.tensors.removeAll { $0.name == down } }.subject.tensor == down)
    #expect(
      try error { $0.tensors[0] = TinyTensor($0.tensors[0].name, .bf16, [1, 2], values: [0, 0]) }
        .message.contains("the config asks for"))
    fixture.config = fixture.config.replacingOccurrences(of: "\"llama\"", with: "\"bert\"")
    #expect(try error { _ in }.message.contains("model_type is bert"))
  }

  @Test("a library that multiplies wrongly is refused by the name of its kernels") func wrong()
    throws
  {
    let error = try #require(throws: EvaluationError.self) {
      try ProductCheck.run { _, _, c in c.start.update(repeating: 0, count: 67 * 93) }
    }
    #expect(error.failure.message.contains("kernels for \(Products.processor)"))
    try ProductCheck.run(threads: 1)
  }
}

/// What is kept of an evaluation that was stopped.
@Suite("Evaluations go on at the border of a layer") struct EvaluationStateTests {
  private struct Stop: Error {}

  /// Weights that fail when something of a layer is read, and count what is read of each.
  private final class CountedWeights: WeightSource {
    let inner: any WeightSource
    let failing: String?
    let reads = Mutex([String: Int]())

    init(_ inner: any WeightSource, failing: String?) {
      (self.inner, self.failing) = (inner, failing)
    }

    var names: DecoderNames { inner.names }
    var path: String { inner.path }
    var identity: String { inner.identity }
    var startByteCount: Int { inner.startByteCount }
    func shape(_ name: String) -> TensorShape? { inner.shape(name) }
    func byteCount(_ name: String, rows: Int?) -> Int { inner.byteCount(name, rows: rows) }
    func start(_ progress: ProgressMeter, _ cancellation: Cancellation) throws -> Int { 0 }
    func prepare(_ names: [String]) throws -> Int { 0 }
    func finish() {}
    func read(
      _ name: String, _ elements: Range<Int>, into target: UnsafeMutablePointer<Float>
    ) throws -> Int {
      if let failing, name.contains(failing) { throw Stop() }
      reads.withLock { $0[name, default: 0] += elements.count }
      return try inner.read(name, elements, into: target)
    }
  }

  @Test("a stopped evaluation computes no finished layer again, and ends with the same scores")
  func resume() throws {
    let fixture = try DecoderFixture("llama2")
    let directory = try ScratchDirectory()
    try fixture.model.write(to: directory("model"))
    let model = try EvaluatedModel.open(directory("model"))
    let task = try TaskFile(
      Array("{\"prompt\":[1,5,9],\"answer\":[7,8]}\n{\"prompt\":[2],\"answer\":[3]}".utf8),
      path: "t")
    func run(failing: String?) throws -> (EvaluationResult, CountedWeights) {
      let weights = CountedWeights(model.weights, failing: failing)
      let counted = EvaluatedModel(
        name: "m", path: model.path, weights: weights, shape: model.shape)
      let plan = try EvaluationPlan(
        [counted], [task], threads: 2,
        budget: EvaluationBudget(.mebibytes(64), recipeCount: 0), scratch: directory.path)
      return (
        try EvaluationRun(plan, keepingIn: directory("state"), saveInterval: 0).run(), weights
      )
    }
    #expect(throws: Stop.self) { try run(failing: "layers.1.mlp") }
    let names = try Directory.list(directory("state")).map(\.name).sorted()
    #expect(names == ["evaluation.json", "lock", "states-0-1"])
    let other = try EvaluationPlan(
      [model], [task, TaskFile(Array("{\"prompt\":[2],\"answer\":[3]}".utf8), path: "u")],
      threads: 1,
      budget: EvaluationBudget(.mebibytes(64), recipeCount: 0), scratch: directory.path)
    #expect(throws: EvaluationError.self) {
      try EvaluationRun(other, keepingIn: directory("state")).run()
    }
    let (result, weights) = try run(failing: nil)
    #expect(weights.reads.withLock { $0.keys.allSatisfy { !$0.contains("layers.0") } })
    #expect(weights.reads.withLock { $0["model.embed_tokens.weight"] } == nil)
    let whole = try EvaluationPlan(
      [model], [task], threads: 1,
      budget: EvaluationBudget(.mebibytes(64), recipeCount: 0), scratch: directory.path)
    #expect(
      try EvaluationRun(whole).run().models[0].tasks[0].examples
        == result.models[0].tasks[0].examples)
    #expect(try FileStatus.of(directory("state")) == nil)
  }
}
