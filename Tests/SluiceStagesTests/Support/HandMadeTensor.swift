import SluiceCore
import SluiceDataflow
import SluiceFormats
import SluiceKernels
import SluiceTestSupport

@testable import SluiceStages

/// One tensor of a base and its fine-tuned models, each in a file of its own, and the task that a plan
/// would make of it.
struct HandMadeTensor {
  /// What one model has of the tensor.
  struct Model {
    var dtype: DType
    /// The elements as they follow each other in the tensor.
    var bytes: [UInt8]
    /// The elements as they lie in the file, and how, if not one after the other.
    var stored: (bytes: [UInt8], view: StridedView)?

    init(_ dtype: DType, _ values: [Float]) {
      self.dtype = dtype
      bytes = ScalarKernels.encoded(values, dtype)
    }

    /// Elements that are all zero, to be changed one by one.
    init(_ dtype: DType, zeros count: Int) {
      self.dtype = dtype
      bytes = [UInt8](repeating: 0, count: count * dtype.bitCount / 8)
    }

    subscript(element: Int) -> Float {
      get { ScalarKernels.element(bytes, dtype, at: element) }
      set {
        let own = ScalarKernels.encoded([newValue], dtype)
        bytes.replaceSubrange(element * own.count..<(element + 1) * own.count, with: own)
      }
    }

    /// Elements of any patterns, for tests of what does not look at them.
    init(_ dtype: DType, count: Int, seed: UInt64) {
      self.dtype = dtype
      var random = RepeatableGenerator(seed: seed)
      let byteCount = count * dtype.bitCount / 8
      let words = (0..<(byteCount + 7) / 8).map { _ in random.next() }
      bytes = words.withUnsafeBytes { Array($0.prefix(byteCount)) }
    }

    /// A matrix that lies column by column in its file.
    static func transposed(_ dtype: DType, rows: Int, columns: Int, seed: UInt64) -> Model {
      var model = Model(dtype, count: rows * columns, seed: seed)
      let width = dtype.bitCount / 8
      var bytes: [UInt8] = []
      for column in 0..<columns {
        for row in 0..<rows {
          let start = (row * columns + column) * width
          bytes += model.bytes[start..<start + width]
        }
      }
      if let shape = TensorShape([rows, columns]),
        let view = StridedView(shape, strides: [1, rows])
      {
        model.stored = (bytes, view)
      }
      return model
    }

    var elementCount: Int { bytes.count * 8 / dtype.bitCount }

    /// The elements as numbers.
    var values: [Float] { (0..<elementCount).map { ScalarKernels.element(bytes, dtype, at: $0) } }
  }

  /// What is before the tensor in each file: an odd number, so that nothing is aligned.
  static let lead = 13

  let task: TensorTask
  let files: [InputFile]
  let directory: ScratchDirectory

  init(
    elementCount: Int? = nil, base: Model, tuned: [Model?], role: TensorRole = .linear,
    output: DType = .bf16, columnCount: Int? = nil, outputShard: Int = 0, outputOffset: Int = 0,
    in root: String? = nil
  ) throws {
    directory = try ScratchDirectory(in: root)
    var files: [InputFile] = []
    var sources: [TensorSource?] = []
    for (position, model) in ([base] + tuned).enumerated() {
      guard let model else {
        sources.append(nil)
        continue
      }
      let bytes = model.stored?.bytes ?? model.bytes
      let path = try directory.write(
        [UInt8](repeating: 0xee, count: HandMadeTensor.lead) + bytes, to: "model\(position)")
      sources.append(
        TensorSource(
          file: files.count, dtype: model.dtype,
          byteRange: HandMadeTensor.lead..<HandMadeTensor.lead + bytes.count,
          view: model.stored?.view))
      files.append(try InputFile.open(path))
    }
    self.files = files
    let count = elementCount ?? base.elementCount
    guard let first = sources[0] else { preconditionFailure("there is a base") }
    task = TensorTask(
      ordinal: 0, name: "layers.0.w.weight", role: role, elementCount: count, base: first,
      baseElementCount: min(base.elementCount, count), fineTuned: Array(sources.dropFirst()),
      fineTunedElementCounts: tuned.map { min($0?.elementCount ?? count, count) },
      outputDType: output, outputShard: outputShard, outputOffset: outputOffset, firstStrip: 0,
      columnCount: columnCount)
  }

  private init(task: TensorTask, files: [InputFile], directory: ScratchDirectory) {
    self.task = task
    self.files = files
    self.directory = directory
  }

  /// The same tensor, its files opened anew.
  func reopened() throws -> HandMadeTensor {
    HandMadeTensor(
      task: task, files: try files.map { try InputFile.open($0.path) }, directory: directory)
  }

  /// Reads the tensor for one lane, and gives what is made of each chunk.
  func read<Result: Sendable>(
    _ mode: InputMode, strip: Int = 1 << 16, chunk: Int = 1 << 16,
    packed: ReadStage.PackedReading = .none, edge: EdgeContract = .fused,
    _ work: @escaping @Sendable (Chunk) throws -> Result
  ) throws -> [Result] {
    let results = Monitor([Result]())
    let graph = Graph()
    graph.connect(
      edge, "chunks", from: "read", to: "lane",
      produce: { node, pass in
        try read(
          mode, strip: strip, chunk: chunk, packed: packed,
          buffers: edge == .fused ? 1 : 4, on: node, pass)
      },
      work: { _ in
        { (chunk: Chunk) in
          _ = try chunk.unpack()
          let result = try work(chunk)
          results.withLock { $0.append(result) }
        }
      })
    try graph.run()
    return results.withLock { $0 }
  }

  /// Reads the tensor in a lane of the caller.
  func read(
    _ mode: InputMode, strip: Int = 1 << 16, chunk: Int = 1 << 16,
    packed: ReadStage.PackedReading = .none, buffers: Int = 1, on node: NodeContext,
    _ pass: (consuming Chunk) throws -> Void
  ) throws {
    let granularity = Granularity(stripElements: strip, chunkElements: chunk)
    let queue = StripQueue([task], granularity: granularity, cancellation: node.cancellation)
    let stage = ReadStage(
      queue: queue, files: files, mode: mode, granularity: granularity, dropsCachedPages: false,
      packed: packed)
    // No more than the plan allows for a chunk.
    let frames =
      mode == .direct && packed.needsBuffers
      ? ReadStage.framesByteCount(modelCount: task.fineTuned.count, chunkElements: chunk) : 0
    let byteCount = ReadStage.chunkByteCount(task, chunkElements: chunk) + frames
    let pool =
      stage.usesBuffers
      ? try BufferPool(count: buffers, byteCount: byteCount, cancellation: node.cancellation) : nil
    try stage.run(node, pool: pool, pass: pass)
  }
}

extension ChunkRun {
  /// The bytes, copied.
  var copied: [UInt8] {
    Array(UnsafeRawBufferPointer(start: bytes, count: elementCount * dtype.bitCount / 8))
  }
}

/// The vector levels that this processor has.
let allKernels = VectorLevel.allCases.compactMap(Kernels.init(level:))

/// Deltas as fine-tuning makes them: few distinct small values, many zeros, some of them negative.
func someDeltas(_ count: Int, seed: UInt64, distinct: Int = 40) -> [Float] {
  var random = RepeatableGenerator(seed: seed)
  return (0..<count).map { _ in
    let step = random.integer(in: -distinct...distinct)
    return step == 0 && random.chance(0.5) ? -0.0 : Float(step) * 0x1p-12
  }
}

/// Weights of a base model.
func someWeights(_ count: Int, seed: UInt64) -> [Float] {
  var random = RepeatableGenerator(seed: seed)
  return (0..<count).map { _ in Float(random.uniform() - 0.5) * 0.25 }
}
