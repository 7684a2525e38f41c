import FuzzSupport
@testable import SluiceStages

/// A line that a program of a stage wrote.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzAnswer(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
  attempt(start, count) { bytes in
    let answer = try ExecAnswer(Array(bytes), of: programs.value, tensor: "t")
    precondition(answer.line.utf8.count >= bytes.count)
    precondition(answer.error?.utf8.count ?? 0 <= 3 * bytes.count)
  }
}

/// Errors name the program that wrote the line.
private let programs = Confined(program())

private func program() -> ExecProgram {
  let greeting = #"{"protocol":"sluice-exec","version":1}"#
  let spec = ExecSpec(
    command: ["/bin/sh", "-c", "echo '\(greeting)'; exec sleep 1000000"], kind: .delta,
    name: "s", directory: "/", modelNames: ["m"])
  do { return try ExecProgram(spec) } catch { fatalError("\(error)") }
}
