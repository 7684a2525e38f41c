import Glibc
import Platform

/// A folder that goes away with the test.
final class Scratch {
  let path: String
  init() throws {
    var template = Array("/tmp/sluice-bench-test-XXXXXX".utf8CString)
    guard mkdtemp(&template) != nil else { throw BenchFailure.system("mkdtemp", "/tmp") }
    path = String(decoding: template.dropLast().map(UInt8.init(bitPattern:)), as: UTF8.self)
  }
  deinit { try? Directory.remove(path) }
}
