internal import CSluiceSystem
internal import Glibc
internal import SluiceCore
internal import SluiceDataflow
internal import SluiceFormats

/// One running program with the memory that it shares with its lane.
///
/// It belongs to the thread of the lane; dropping it ends the program.
@safe final class ExecProgram {
  /// The shared memory, as Float32.
  @unsafe let floats: UnsafeMutablePointer<Float>

  private let spec: ExecSpec
  private let descriptor: Int32
  private let byteCount: Int
  private let program: ChildProgram
  private var chunkNumber = 0

  private static let lineLimit = 1 << 16
  private static let errorLimit = 2048

  /// Starts a program and exchanges greetings.
  init(_ spec: ExecSpec) throws {
    self.spec = spec
    let byteCount = spec.sharedByteCount
    var descriptor: Int32 = -1
    let number = unsafe sluice_shared_memory(Int64(byteCount), &descriptor)
    guard number == 0 else {
      throw StageError.program(
        spec, .inputOutput, tensor: nil, "gets no shared memory: \(ExecProgram.text(number))",
        errors: "")
    }
    let mapping = unsafe mmap(nil, byteCount, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0)
    guard let mapping = unsafe mapping, unsafe mapping != MAP_FAILED else {
      let number = errno
      close(descriptor)
      throw StageError.program(
        spec, .inputOutput, tensor: nil, "cannot map shared memory: \(ExecProgram.text(number))",
        errors: "")
    }
    do throws(ChildProgram.Unstarted) {
      program = try ChildProgram(
        spec.command, in: spec.directory, shared: descriptor, errorLimit: ExecProgram.errorLimit)
    } catch {
      unsafe munmap(mapping, byteCount)
      close(descriptor)
      throw StageError.program(
        spec, .usage, tensor: nil, "cannot be started: \(error.reason)", errors: "")
    }
    self.byteCount = byteCount
    self.descriptor = descriptor
    // SAFETY: the mapping has room for the floats and lives as long as the object.
    unsafe floats = mapping.bindMemory(to: Float.self, capacity: byteCount / 4)
    try greet()
  }

  deinit {
    // A run that was stopped does not wait for it.
    program.stop(isPolite: Cancellation.ofThisThread?.isCancelled != true)
    unsafe munmap(floats, byteCount)
    close(descriptor)
  }

  private func greet() throws {
    let greeting = JSONWriter.bytes { json in
      json.beginObject(isOnOneLine: true)
      json.member("protocol", .string("sluice-exec"))
      json.member("version", .integer(ExecSpec.protocolVersion))
      json.member("stage", .string(spec.name))
      json.member("kind", .string(spec.kind.rawValue))
      json.key("models")
      json.beginArray()
      for name in spec.modelNames { json.value(.string(name)) }
      json.endArray()
      json.member("descriptor", .integer(3))
      json.member("bytes", .integer(byteCount))
      json.member("grain", .integer(Granularity.grainElements))
      json.endObject()
    }
    let answer = try exchange(greeting, tensor: nil)
    guard answer.name == "sluice-exec", answer.version == ExecSpec.protocolVersion else {
      throw failure(
        .badInput, nil,
        "did not greet with protocol sluice-exec, version "
          + "\(ExecSpec.protocolVersion), but with \(answer.line.quoted)")
    }
  }

  /// Lets the program work on what lies in the shared memory.
  ///
  /// - Parameters:
  ///   - strip: The strip.
  ///   - model: The position of the model, nil for all.
  ///   - first: The position of the first element in the tensor.
  ///   - count: The number of elements.
  ///   - statistics: The statistics of the tensor, in the order of the spec.
  /// - Throws: `StageError` if the program does not do it, `CancelledError` if the run ends.
  func work(
    _ strip: Strip, model: Int?, first: Int, count: Int, statistics: [Double]
  ) throws {
    chunkNumber += 1
    let request = JSONWriter.bytes { json in
      json.beginObject(isOnOneLine: true)
      json.member("chunk", .integer(chunkNumber))
      json.member("tensor", .string(strip.task.name))
      if let model { json.member("model", .string(spec.modelNames[model])) }
      json.member("elements", .integer(strip.task.elementCount))
      json.key("shape")
      json.beginArray()
      for extent in strip.task.dimensions { json.value(.integer(extent)) }
      json.endArray()
      json.member("linear", .bool(strip.task.role == .linear))
      json.member("first", .integer(first))
      let columns = max(strip.task.columnCount, 1)
      json.member("row", .integer(first / columns))
      json.member("column", .integer(first % columns))
      json.member("count", .integer(count))
      json.key("inputs")
      json.beginArray()
      for input in 0..<inputCount { json.value(.integer(input * ExecProgram.areaByteCount)) }
      json.endArray()
      json.member("output", .integer(inputCount * ExecProgram.areaByteCount))
      for (statistic, value) in zip(spec.statistics, statistics) {
        json.member(named: statistic.name, .double(value))
      }
      json.endObject()
    }
    let answer = try exchange(request, tensor: strip.task.name)
    if let error = answer.error {
      throw failure(.stopped, strip.task.name, "gave up at \(place(first)): \(error.quoted)")
    }
    guard answer.chunk == chunkNumber else {
      throw failure(
        .badInput, strip.task.name,
        "answered \(answer.line.quoted) at \(place(first)); expected {\"chunk\":\(chunkNumber),"
          + "\"count\":\(count)}")
    }
    guard answer.count == count else {
      throw failure(
        .badInput, strip.task.name,
        "made \(answer.count.map { "\($0)" } ?? "no count of") elements at \(place(first)); "
          + "expected \(count)")
    }
  }

  /// Where the inputs and the output begin, in elements.
  static let areaElements = Granularity.grainElements
  private static let areaByteCount = areaElements * 4
  private var inputCount: Int { spec.kind == .delta ? 1 : spec.modelNames.count }
  private func place(_ first: Int) -> String { "element \(first) (chunk \(chunkNumber))" }

  /// An error that names the program and what it last said.
  func failure(_ exitCode: ExitCode, _ tensor: String?, _ message: String) -> StageError {
    if program.process > 0 { program.read(waiting: 0) }
    let tail = String(decoding: program.errors.suffix(ExecProgram.errorLimit), as: UTF8.self)
    let lines = tail.split(separator: "\n").suffix(8).joined(separator: " | ")
    return .program(spec, exitCode, tensor: tensor, message, errors: lines)
  }

  /// Sends a line and waits for one.
  private func exchange(_ line: [UInt8], tensor: String?) throws -> ExecAnswer {
    let limit = min(spec.timeLimit, ExecSpec.longestTimeLimit)
    let end = MonotonicTime.now.advanced(by: .seconds(limit))
    var message = (line + [UInt8(ascii: "\n")])[...]
    while true {
      // If it reads no more it has ended: what it says about that is on its way.
      if !message.isEmpty, !program.send(&message) { message = [] }
      if message.isEmpty, let answer = program.takeLine() {
        return try ExecAnswer(answer, of: self, tensor: tensor)
      }
      guard program.output.count <= ExecProgram.lineLimit else {
        throw failure(
          .badInput, tensor,
          "wrote \(program.output.count) bytes without the end of a line, beginning "
            + String(decoding: program.output.prefix(60), as: UTF8.self).quoted)
      }
      if program.isOutputClosed { throw ended(tensor) }
      try Cancellation.ofThisThread?.check()
      guard MonotonicTime.now < end else { throw late(tensor) }
      program.read(waiting: ChildProgram.pulse, isSending: !message.isEmpty)
    }
  }

  private func late(_ tensor: String?) -> StageError {
    failure(
      .stopped, tensor,
      "gave no answer within \(spec.timeLimit) s"
        + (chunkNumber == 0 ? " of its start" : " at chunk \(chunkNumber)"))
  }

  private func ended(_ tensor: String?) -> StageError {
    let how =
      switch program.stop(isPolite: false) {
      case .signal(let number): "was ended by signal \(number)"
      case .exited(let code): "ended with exit code \(code)"
      }
    return failure(.stopped, tensor, how + (chunkNumber == 0 ? "" : " at chunk \(chunkNumber)"))
  }

  private static func text(_ number: Int32) -> String {
    unsafe String(cString: strerror(number))
  }
}

extension String {
  /// The text in quotes, shortened, safe to print.
  var quoted: String { "\"\((count > 200 ? String(prefix(197)) + "..." : self).printable)\"" }
}
