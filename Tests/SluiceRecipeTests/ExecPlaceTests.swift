import Foundation
import SluiceCore
import SluicePlan
import SluiceRun
import SluiceRecipe
import SluiceStages
import SluiceTestSupport
import Testing

@Suite("Where programs are told that elements stand", .enabled(if: Shell.hasNumPy))
struct ExecPlaceTests {
  /// Checks what it is told of each request, and multiplies by what depends on row and column.
  private static let program = """
    import json, math, mmap, sys
    import numpy as np
    hello = json.loads(sys.stdin.readline())
    shared = mmap.mmap(hello["descriptor"], hello["bytes"])
    print('{"protocol":"sluice-exec","version":1}', flush=True)
    log = open(sys.argv[1], "a")
    for line in sys.stdin:
        c = json.loads(line)
        shape, first, count = c["shape"], c["first"], c["count"]
        assert math.prod(shape) == c["elements"]
        columns = shape[-1] if shape else 1
        assert (c["row"], c["column"]) == divmod(first, columns)
        print(json.dumps([c["tensor"], shape]), file=log, flush=True)
        place = np.arange(c["column"], c["column"] + count)
        rows, columns = c["row"] + place // columns, place % columns
        factor = ((1 + rows % 3) * (1 + columns % 5)).astype(np.float32)
        x = np.frombuffer(shared, np.float32, count, c["inputs"][0])
        np.multiply(x, factor, out=np.frombuffer(shared, np.float32, count, c["output"]))
        print(json.dumps({"chunk": c["chunk"], "count": count}), flush=True)
    """

  @Test("shape, row and column are those of the tensor, in every cut of it", arguments: [1, 2])
  func places(strips: Int) throws {
    let directory = try FamilyDirectory { spec in
      // Rows of 260 and 270 elements: requests of 65536 begin in the middle of them.
      (spec.hiddenSize, spec.intermediateSize, spec.layerCount) = (260, 270, 1)
      (spec.vocabularySize, spec.expertCount) = (20, 1)
    }
    try directory.write(ExecPlaceTests.program, to: "places.py")
    let recipe = try directory.recipe(
      """
      base: models/base
      models: {math: models/math}
      stages:
        - read
        - delta
        - exec: {command: [\(Shell.python), ./places.py, log], scope: all}
        - merge: {operator: sum}
        - write: {dtype: F32}
      """)
    var options = RunOptions(threads: strips)
    options.stripElements = Granularity.grainElements * strips
    let merged = try directory.run(recipe, options: options).model

    let (base, tuned) = (directory.family.base, directory.family.fineTuned[0].model)
    for tensor in base.tensors {
      let columns = tensor.shape.dimensions.last ?? 1
      let weights = try #require(tensor.floats)
      let deltas = try zip(#require(tuned[tensor.name]?.floats), weights).map { $0 - $1 }
      let expected = deltas.indices.map { index in
        let factor = Float((1 + index / columns % 3) * (1 + index % columns % 5))
        return weights[index] + deltas[index] * factor
      }
      let found = try #require(merged[tensor.name]?.floats)
      let place = zip(found, expected).enumerated().first {
        $0.element.0.bitPattern != $0.element.1.bitPattern
      }
      #expect(place == nil, "\(tensor.name): element \(place?.offset ?? 0)")
    }
    let told = try Set(
      String(contentsOfFile: directory("log"), encoding: .utf8).split(separator: "\n").map(
        String.init))
    let shapes = Set(
      base.unstacked.tensors.map { tensor in
        let list = tensor.shape.dimensions.map(String.init).joined(separator: ", ")
        return "[\"\(tensor.name)\", [\(list)]]"
      })
    #expect(told == shapes)
  }

  @Test("the example that works by columns equals NumPy bit for bit")
  func example() throws {
    let directory = try FamilyDirectory()
    try directory.writeMethodFiles()
    let stages = FamilyDirectory.repository + "/pipelines/stages"
    let files = ["math", "law"].map { "\($0), models/files/\($0)-activations.safetensors" }
    let merged = try directory.run(
      try directory.recipe(
        ExecStageTests.chain(
          "exec: {command: [\(Shell.python), \(stages)/weigh_inputs.py, \(files.joined(separator: ", "))]}",
          merge: "exec: {command: [\(Shell.python), \(stages)/soft_average.py], kind: merge}",
          write: "write: {dtype: F32}")))
    let check = try Shell.run([
      Shell.python,
      FamilyDirectory.repository + "/Tests/SluiceRecipeTests/Support/numpy_reference.py",
      directory("models/base"), directory("models/math"), directory("models/law"), merged.output,
      "inputs", directory("models/files"),
    ])
    #expect(check.status == 0, "\(check.output)")
  }

  @Test("data that a command names is part of the identity; the stage is called as its program")
  func data() throws {
    let directory = try FamilyDirectory { spec in spec.layerCount = 1 }
    try directory.write("pass", to: "stage.py")
    func recipe(_ data: String) throws -> MergeRecipe {
      try directory.write(data, to: "data.txt")
      return try directory.recipe(
        ExecStageTests.chain("exec: {command: [\(Shell.python), ./stage.py, data.txt]}"))
    }
    let first = try recipe("1")
    #expect(first.stages.transforms[0].transform.stage.name == "stage.py")
    #expect(try recipe("2").fingerprint != first.fingerprint)
    #expect(try recipe("1").fingerprint == first.fingerprint)
  }
}
