import SluiceCore
import SluiceFormats
import SluiceTestSupport
import Testing

@Suite("Models in the cache of the hub")
struct HubCacheTests {
  private static let commit = String(repeating: "0a", count: 20)
  private let scratch: ScratchDirectory
  private let snapshot: String

  init() throws {
    scratch = try ScratchDirectory()
    snapshot = "hub/models--org--name/snapshots/\(Self.commit)"
    try scratch.write("\(Self.commit)\n", to: "hub/models--org--name/refs/main")
    try scratch.write(Self.commit, to: "hub/models--org--name/refs/refs/pr/3")
    try scratch.write("{}", to: "\(snapshot)/config.json")
    try scratch.write([1, 2, 3], to: "\(snapshot)/model.safetensors")
  }

  private func resolve(_ text: String, _ variables: [String: String] = [:]) throws -> String {
    let variables = variables.isEmpty ? ["HF_HUB_CACHE": scratch("hub")] : variables
    return try HubCache.resolve(text) { variables[$0] }
  }

  @Test(
    "a name stands for the snapshot of its revision",
    arguments: [
      "org/name", "org/name@main", "org/name@refs/pr/3", "hf://org/name", "hf://models/org/name",
    ])
  func names(text: String) throws {
    #expect(try resolve(text) == scratch(snapshot))
    #expect(try resolve("org/name@\(Self.commit)") == scratch(snapshot))
  }

  @Test("a snapshot has a name, with its revision, that leads to it")
  func namesOfPaths() throws {
    func name(_ path: String) -> String? {
      HubCache.name(of: path) { ["HF_HUB_CACHE": scratch("hub")][$0] }
    }
    let expected = "org/name@\(Self.commit)"
    for path in [scratch(snapshot), scratch(snapshot) + "/", "org/name", "org/name@main", expected]
    {
      #expect(name(path) == expected)
    }
    for path in [scratch.path, scratch("hub"), "/", "org/other", "name"] {
      #expect(name(path) == nil)
    }
    // A cache that is not the one that is looked into.
    try scratch.write("x", to: "other/models--org--name/snapshots/\(Self.commit)/config.json")
    #expect(name(scratch("other/models--org--name/snapshots/\(Self.commit)")) == nil)
  }

  @Test("the root follows the variables of the hub's own library")
  func roots() throws {
    for variables in [
      ["HUGGINGFACE_HUB_CACHE": scratch("hub")], ["HF_HOME": scratch.path],
      ["HF_HOME": "~", "HOME": scratch.path], ["HF_HOME": "$X", "X": scratch.path],
    ] {
      #expect(try resolve("org/name", variables) == scratch(snapshot))
    }
  }

  @Test(
    "paths stay paths",
    arguments: [
      "./org/name", "/org/name", "name", "a/b/c", "org/name/", "../name", "org/..", "org/na me",
    ])
  func paths(text: String) throws {
    #expect(try resolve(text) == text)
  }

  @Test(
    "what the cache lacks is named with the command that downloads it",
    arguments: ["org/other", "org/name@v2", "hf://org/name@v2"])
  func missing(text: String) throws {
    let error = try #require(throws: FormatError.self) { try resolve(text) }
    #expect(error.failure.remedy?.contains("hf download org/") == true)
  }

  @Test("a snapshot that lacks a file of its commit, or has a part of one, is refused")
  func incomplete() throws {
    let tree = "hub/models--org--name/trees/\(Self.commit).json"
    try scratch.write(
      #"{"files": {"model.safetensors": {"size": 3}, "pytorch_model.bin": {"size": 9}}}"#, to: tree)
    #expect(try resolve("org/name") == scratch(snapshot))
    try scratch.write(
      #"{"files": {"model.safetensors": {"size": 130, "lfs_size": 4}}}"#, to: tree)
    #expect(throws: FormatError.self) { try resolve("org/name") }
    try scratch.write(#"{"files": {"model.safetensors.index.json": {"size": 3}}}"#, to: tree)
    let error = try #require(throws: FormatError.self) { try resolve("org/name") }
    #expect(error.failure.message.contains("model.safetensors.index.json"))
  }

  @Test("a download that was not finished is called that")
  func unfinished() throws {
    try Directory.removeFile(scratch("\(snapshot)/model.safetensors"))
    try scratch.write([1], to: "hub/models--org--name/blobs/abc.incomplete")
    let error = try #require(throws: FormatError.self) { try resolve("org/name") }
    #expect(error.failure.message.contains("not finished"))
  }
}

@Suite("First bytes of files")
struct FileSignatureTests {
  @Test("an output whose run is not finished is told from a directory without a model")
  func unfinished() throws {
    let scratch = try ScratchDirectory()
    try scratch.write("x", to: "out/.sluice/manifest.json")
    try scratch.write("x", to: "other/notes.txt")
    func failure(_ name: String) throws -> Failure {
      try #require(throws: FormatError.self) { try Checkpoint.open(scratch(name)) }.failure
    }
    #expect(try failure("out").message == "the run in it is not finished")
    #expect(try failure("other").message.hasPrefix("neither "))
  }

  @Test(
    "files are known by their first bytes, whatever they are called",
    arguments: [
      ("version https://git-lfs.github.com/spec/v1\noid", FileSignature.pointer), ("", .empty),
      ("GGUF\u{3}\0\0\0", .gguf), ("PK\u{3}\u{4}xx", .zip), ("  \n<!DOCTYPE html>", .html),
      ("<HTML><head>", .html), ("{\"a\": 1}", .json), ("abcdefgh{}", .other),
      // Eight bytes of length and a header, whatever the length looks like.
      ("{\u{1}\0\0\0\0\0\0{\"a\"", .other), ("PK\u{3}\u{4}\0\0\0\0 {}", .other),
      ("\n\0\0\0\0\0\0\0 {}", .other),
    ])
  func signatures(text: String, expected: FileSignature) {
    #expect(FileSignature(Array(text.utf8)) == expected)
  }

  @Test("binary formats are known")
  func binary() {
    #expect(FileSignature([0x80, 2, 0x8A, 0x0A]) == .pickle)
    #expect(FileSignature([0x89, 0x48, 0x44, 0x46, 0x0D]) == .hdf5)
    #expect(FileSignature([0x1F, 0x8B, 8]) == .archive)
    #expect(FileSignature([0x80, 2, 0, 0, 0, 0, 0, 0, 0x7B, 0x22]) == .other)
  }
}
