import Glibc
import SluiceCore
import SluiceFormats
import SluiceTestSupport
import Testing

@Suite struct CheckpointTests {
  @Test(
    "a directory that breaks a rule is refused with the reason",
    arguments: HostileCheckpoint.allCases)
  func hostileDirectory(_ hostile: HostileCheckpoint) throws {
    let scratch = try ScratchDirectory()
    for (name, bytes) in hostile.files { try scratch.write(bytes, to: name) }
    let error = #expect(throws: FormatError.self) { try Checkpoint.open(scratch.path) }
    let failure = try #require(error?.failure)
    #expect(failure.message.contains(hostile.expectedMessage), "\(failure.message)")
    #expect(failure.exitCode == .badInput)
  }

  @Test("a sharded directory opens, with links to its files, in natural order")
  func shardedDirectory() throws {
    let scratch = try ScratchDirectory()
    try Directory.create(scratch("blobs"))
    try Directory.create(scratch("snapshot"))
    let index =
      #"{"weight_map":{"x":"s-10.safetensors","y":"s-9.safetensors","w":"s-9.safetensors"}}"#
    try scratch.write(Array(index.utf8), to: "blobs/i")
    try scratch.write(SafetensorsBytes.file(withTensors: ["x"]), to: "blobs/x")
    try scratch.write(SafetensorsBytes.file(withTensors: ["y", "w"]), to: "blobs/y")
    try scratch.write(Array("{}".utf8), to: "blobs/c")
    for (link, blob) in [
      ("model.safetensors.index.json", "i"), ("s-10.safetensors", "x"), ("s-9.safetensors", "y"),
      ("config.json", "c"),
    ] {
      #expect(symlink("../blobs/\(blob)", scratch("snapshot/\(link)")) == 0)
    }
    let checkpoint = try Checkpoint.open(scratch("snapshot"))
    #expect(
      checkpoint.files.map(\.path).map { $0.split(separator: "/").last ?? "" }
        == ["s-9.safetensors", "s-10.safetensors"])
    #expect(checkpoint.tensors.map(\.name) == ["y", "w", "x"])
    #expect(checkpoint["x"]?.fileOrdinal == 1)
    #expect(checkpoint["v"] == nil)
    #expect(checkpoint.config == Array("{}".utf8))
    #expect(checkpoint.directory == scratch("snapshot"))
  }

  @Test("one file opens by its directory and by its own path")
  func singleFile() throws {
    let scratch = try ScratchDirectory()
    let path = try scratch.write(
      SafetensorsBytes.file(withTensors: ["x", "y"]), to: "model.safetensors")
    let byDirectory = try Checkpoint.open(scratch.path)
    let byPath = try Checkpoint.open(path)
    #expect(byDirectory.tensors == byPath.tensors)
    #expect(byDirectory.config == nil)
    #expect(byPath.directory == nil)
    #expect(byPath["y"]?.entry.byteRange.count == 4)
  }

  @Test("checkpoints with one header share what was read; others, and broken ones, are looked at")
  func sharedHeaders() throws {
    let scratch = try ScratchDirectory()
    let header = SafetensorsBytes.file(withTensors: ["x", "y"])
    let turned = SafetensorsBytes.file(withTensors: ["y", "x"])
    let short = Array(header.dropLast())
    for (name, bytes) in [
      ("base", header), ("same", header), ("other", turned), ("short", short),
    ] {
      try Directory.create(scratch(name))
      try scratch.write(bytes, to: "\(name)/model.safetensors")
    }
    let base = try Checkpoint.open(scratch("base"))
    let same = try Checkpoint.open(scratch("same"), like: base)
    #expect(same.tensors.hasStorage(of: base.tensors))
    #expect(same.files[0].path == scratch("same/model.safetensors"))
    #expect(same["y"] == base["y"])
    let other = try Checkpoint.open(scratch("other"), like: base)
    #expect(other.tensors == (try Checkpoint.open(scratch("other")).tensors))
    #expect(other.tensors.map(\.name) == ["y", "x"])
    let alone = #expect(throws: FormatError.self) { try Checkpoint.open(scratch("short")) }
    let beside = #expect(throws: FormatError.self) {
      try Checkpoint.open(scratch("short"), like: base)
    }
    #expect(beside?.failure.message == alone?.failure.message)
  }

  @Test(
    "a path of another kind is refused at once",
    arguments: [
      ("pipe.safetensors", "found a pipe"), ("directory", "neither"), ("absent", "no such file"),
      ("index.json", "found a JSON file"), ("model.pt", "a PyTorch file"),
      ("null", "found a device"), ("socket", "found a socket"),
    ])
  func otherPath(_ name: String, _ message: String) throws {
    let scratch = try ScratchDirectory()
    switch name {
    case "pipe.safetensors": #expect(mkfifo(scratch(name), 0o600) == 0)
    case "directory": try Directory.create(scratch(name))
    case "null": #expect(symlink("/dev/null", scratch(name)) == 0)
    case "socket": #expect(mknod(scratch(name), S_IFSOCK | 0o600, 0) == 0)
    case "absent": break
    default: try scratch.write([1], to: name)
    }
    let error = #expect(throws: FormatError.self) { try Checkpoint.open(scratch(name)) }
    let failure = try #require(error?.failure)
    #expect(failure.message.contains(message), "\(failure.message)")
    #expect(failure.exitCode == .badInput)
  }

  @Test("a directory in the place of a file is refused")
  func directoryInPlaceOfFile() throws {
    let scratch = try ScratchDirectory()
    try Directory.create(scratch("model.safetensors"))
    let error = #expect(throws: FormatError.self) { try Checkpoint.open(scratch.path) }
    #expect(error?.failure.message == "expected a regular file, found a directory")
  }

  @Test("a config.json above the limit is refused")
  func longConfig() throws {
    let scratch = try ScratchDirectory()
    try scratch.write(SafetensorsBytes.file(withTensors: ["x"]), to: "model.safetensors")
    try scratch.write([UInt8](repeating: 32, count: (16 << 20) + 1), to: "config.json")
    let error = #expect(throws: FormatError.self) { try Checkpoint.open(scratch.path) }
    #expect(error?.failure.message.contains("at most 16777216 are accepted") == true)
  }
}
