internal import CSluiceSystem
internal import Glibc
internal import SluiceCore
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
  private var program = sluice_program()
  private var pending: [UInt8] = []
  private var errors: [UInt8] = []
  private var chunkNumber = 0

  private static let lineLimit = 1 << 16
  private static let errorLimit = 2048

  /// Starts a program and exchanges greetings.
  init(_ spec: ExecSpec) throws(StageError) {
    self.spec = spec
    byteCount = spec.sharedByteCount
    var descriptor: Int32 = -1
    let number = unsafe sluice_shared_memory(Int64(byteCount), &descriptor)
    guard number == 0 else {
      throw .program(
        spec, .inputOutput, tensor: nil, "gets no shared memory: \(ExecProgram.text(number))",
        errors: "")
    }
    self.descriptor = descriptor
    let mapping = unsafe mmap(nil, byteCount, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0)
    guard let mapping = unsafe mapping, unsafe mapping != MAP_FAILED else {
      let number = errno
      close(descriptor)
      throw .program(
        spec, .inputOutput, tensor: nil, "cannot map shared memory: \(ExecProgram.text(number))",
        errors: "")
    }
    // SAFETY: the mapping has room for the floats and lives as long as the object.
    unsafe floats = mapping.bindMemory(to: Float.self, capacity: byteCount / 4)
    try start()
    try greet()
  }

  deinit {
    var status: Int32 = 0
    unsafe sluice_program_stop(&program, 1, &status)
    unsafe munmap(floats, byteCount)
    close(descriptor)
  }

  private func start() throws(StageError) {
    // SAFETY: the copies of the arguments live until the call returns.
    var arguments = unsafe spec.command.map { unsafe UnsafePointer<CChar>(strdup($0)) }
    unsafe arguments.append(nil)
    defer { unsafe arguments.forEach { unsafe free(UnsafeMutablePointer(mutating: $0)) } }
    let number = unsafe sluice_program_start(&arguments, spec.directory, descriptor, &program)
    guard number == 0 else {
      throw .program(
        spec, .usage, tensor: nil, "cannot be started: \(ExecProgram.text(number))", errors: "")
    }
  }

  private func greet() throws(StageError) {
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
  /// - Throws: `StageError` if the program does not do it.
  func work(
    _ strip: Strip, model: Int?, first: Int, count: Int, statistics: [Double]
  ) throws(StageError) {
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
        json.member(statistic.name, .double(value))
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
    drainErrors()
    let tail = String(decoding: errors.suffix(ExecProgram.errorLimit), as: UTF8.self)
    let lines = tail.split(separator: "\n").suffix(8).joined(separator: " | ")
    return .program(spec, exitCode, tensor: tensor, message, errors: lines)
  }

  /// Sends a line and waits for one.
  private func exchange(_ line: [UInt8], tensor: String?) throws(StageError) -> ExecAnswer {
    let limit = Int32(min(spec.timeLimit, ExecSpec.longestTimeLimit) * 1000)
    let message = line + [UInt8(ascii: "\n")]
    // SAFETY: the bytes are used inside the closure only.
    let number = unsafe message.withUnsafeBytes { bytes in
      unsafe sluice_program_send(&program, bytes.baseAddress, bytes.count, limit)
    }
    if number == ETIMEDOUT { throw late(tensor) }
    // If it reads no more it has ended: what it says about that is on its way.
    let answer = try receive(limit: limit, tensor: tensor)
    return try ExecAnswer(answer, of: self, tensor: tensor)
  }

  private func receive(limit: Int32, tensor: String?) throws(StageError) -> [UInt8] {
    let end = Clock.milliseconds + Int(limit)
    while true {
      if let index = pending.firstIndex(of: UInt8(ascii: "\n")) {
        let line = Array(pending[..<index])
        pending.removeSubrange(...index)
        return line
      }
      guard pending.count <= ExecProgram.lineLimit else {
        throw failure(
          .badInput, tensor,
          "wrote \(pending.count) bytes without the end of a line, beginning "
            + String(decoding: pending.prefix(60), as: UTF8.self).quoted)
      }
      let left = end - Clock.milliseconds
      guard left > 0 else { throw late(tensor) }
      var ready: Int32 = 0
      _ = unsafe sluice_program_wait(&program, Int32(min(left, 1000)), &ready)
      if ready & 2 != 0 { drainErrors() }
      if ready & 1 != 0, !(readMore(program.output, into: &pending)) { throw ended(tensor) }
    }
  }

  private func late(_ tensor: String?) -> StageError {
    failure(
      .stopped, tensor,
      "gave no answer within \(spec.timeLimit) s"
        + (chunkNumber == 0 ? " of its start" : " at chunk \(chunkNumber)"))
  }

  private func ended(_ tensor: String?) -> StageError {
    drainErrors()
    var status: Int32 = 0
    unsafe sluice_program_stop(&program, 0, &status)
    let how =
      status >= 256 ? "was ended by signal \(status - 256)" : "ended with exit code \(status)"
    return failure(.stopped, tensor, how + (chunkNumber == 0 ? "" : " at chunk \(chunkNumber)"))
  }

  private func drainErrors() {
    guard program.process > 0 else { return }
    while readMore(program.errors, into: &errors) {
      if errors.count > 4 * ExecProgram.errorLimit {
        errors.removeFirst(errors.count - ExecProgram.errorLimit)
      }
      var ready: Int32 = 0
      _ = unsafe sluice_program_wait(&program, 0, &ready)
      if ready & 2 == 0 { return }
    }
  }

  /// Reads what is there; false at the end of the file.
  private func readMore(_ descriptor: Int32, into bytes: inout [UInt8]) -> Bool {
    var buffer = [UInt8](repeating: 0, count: 4096)
    // SAFETY: the buffer is used inside the closure only.
    let count = unsafe buffer.withUnsafeMutableBytes {
      unsafe read(descriptor, $0.baseAddress, $0.count)
    }
    if count < 0 { return errno == EAGAIN || errno == EINTR }
    bytes += buffer[..<count]
    return count > 0
  }

  private static func text(_ number: Int32) -> String {
    unsafe String(cString: strerror(number))
  }
}

private enum Clock {
  static var milliseconds: Int {
    var time = timespec()
    // SAFETY: the record is a local variable.
    unsafe clock_gettime(CLOCK_MONOTONIC, &time)
    return Int(time.tv_sec) * 1000 + Int(time.tv_nsec) / 1_000_000
  }
}

extension String {
  /// The text in quotes, shortened, safe to print.
  var quoted: String { "\"\((count > 200 ? String(prefix(197)) + "..." : self).printable)\"" }
}
