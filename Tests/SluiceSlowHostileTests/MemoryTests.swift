import Foundation
import SluiceCore
import SluiceTestSupport
import Testing

/// The largest files that the readers accept to look at, made to be kept in as much memory as
/// possible, read by `sluice inspect` in an address space that has no room for more than it promises.
@Suite("Hostile files as large as files may be", .serialized)
struct MemoryTests {
  enum Bomb: String, CaseIterable {
    case tensors, metadata, rank, ranks, nested, longName, escapes, indexNames, indexFiles
    case pickleList, pickleContainers, pickleMemo, pickleStorages, archiveEntries
  }

  /// In KiB: the default budget of a merge, which these files must stay below together with the
  /// program's own code, stacks and libraries.
  private static let addressSpace = 512 << 10

  @Test("are read or refused in bounded memory", arguments: Bomb.allCases)
  func bomb(_ bomb: Bomb) throws {
    let directory = try ScratchDirectory()
    let path = try write(bomb, to: directory.path)
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/bin/sh")
    process.arguments = [
      "-c", "ulimit -v \(Self.addressSpace); exec timeout 300 \"$0\" inspect --quiet \"$1\"",
      SluiceProcess.path, path,
    ]
    let errors = Pipe()
    process.standardError = errors
    process.standardOutput = FileHandle.nullDevice
    try process.run()
    let text = String(decoding: errors.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    process.waitUntilExit()
    #expect([0, 65].contains(process.terminationStatus), "\(text)")
    #expect(process.terminationReason == .exit)
    let isRefused = process.terminationStatus == 65
    #expect(isRefused == text.contains("error: \(path)"), "\(text)")
  }

  private func write(_ bomb: Bomb, to directory: String) throws -> String {
    let size = 99_000_000
    switch bomb {
    case .tensors:
      let text = entries(size) {
        "\"\($0)\":{\"dtype\":\"U8\",\"shape\":[0],\"data_offsets\":[0,0]}"
      }
      return try save(SafetensorsBytes.file(text), directory + "/x.safetensors")
    case .metadata:
      let text = "{\"__metadata__\":" + entries(size) { "\"\($0)\":\"\"" } + "}"
      return try save(SafetensorsBytes.file(text), directory + "/x.safetensors")
    case .rank: return try shape(String(repeating: "1,", count: size / 2) + "1", directory)
    case .ranks:
      let shape = String(repeating: "1,", count: 60_000) + "0"
      let text = entries(size) {
        "\"\($0)\":{\"dtype\":\"U8\",\"shape\":[\(shape)],\"data_offsets\":[0,0]}"
      }
      return try save(SafetensorsBytes.file(text), directory + "/x.safetensors")
    case .nested: return try shape(String(repeating: "[", count: size), directory)
    case .longName: return try name(String(repeating: "n", count: size), directory)
    case .escapes: return try name(String(repeating: "\\u00e9", count: size / 6), directory)
    case .indexNames: return try index(entries(size) { "\"\($0)\":\"a\"" }, directory)
    case .indexFiles: return try index(entries(size) { "\"\($0)\":\"\($0)\"" }, directory)
    default: return try save(archive(bomb), directory + "/x.bin")
    }
  }

  private func archive(_ bomb: Bomb) -> [UInt8] {
    let size = (32 << 20) - 1000
    func repeated(_ text: String) -> [UInt8] {
      Array(String(repeating: text, count: size / text.utf8.count).utf8)
    }
    let batch = String(repeating: "N", count: 60_000)
    return switch bomb {
    case .pickleList: PickleBytes.archive(Array("](".utf8) + repeated(batch + "e("))
    case .pickleContainers:
      PickleBytes.archive(Array("](".utf8) + repeated(String(repeating: "}", count: 60_000) + "e("))
    case .pickleMemo:
      PickleBytes.archive(
        Array("N".utf8)
          + (0..<UInt32(size / 5)).flatMap { number in
            [UInt8(ascii: "r")] + withUnsafeBytes(of: number.littleEndian) { Array($0) }
          })
    case .pickleStorages:
      PickleBytes.archive(
        PickleBytes.memorisedStorage + Array("](".utf8)
          + repeated(String(repeating: "h\u{0}Q", count: 60_000) + "e("))
    default: PickleBytes.archive(Array("}".utf8), emptyEntries: 65_000)
    }
  }

  private func entries(_ byteCount: Int, _ entry: (String) -> String) -> String {
    var text = "{"
    text.reserveCapacity(byteCount)
    var number = 0
    while true {
      let next = entry(String(number, radix: 36))
      guard text.utf8.count + next.utf8.count + 2 < byteCount else { return text + "}" }
      text += (number == 0 ? "" : ",") + next
      number += 1
    }
  }

  private func shape(_ shape: String, _ directory: String) throws -> String {
    let text = "{\"a\":{\"dtype\":\"U8\",\"data_offsets\":[0,1],\"shape\":[\(shape)]}}"
    return try save(SafetensorsBytes.file(text, dataByteCount: 1), directory + "/x.safetensors")
  }

  private func name(_ name: String, _ directory: String) throws -> String {
    let text = "{\(SafetensorsBytes.entry(name, [1], 0, 1))}"
    return try save(SafetensorsBytes.file(text, dataByteCount: 1), directory + "/x.safetensors")
  }

  private func index(_ map: String, _ directory: String) throws -> String {
    _ = try save(
      Array("{\"weight_map\":\(map)}".utf8), directory + "/model.safetensors.index.json")
    return directory
  }

  private func save(_ bytes: [UInt8], _ path: String) throws -> String {
    try Data(bytes).write(to: URL(fileURLWithPath: path))
    return path
  }
}
