import Foundation
import SluiceTestSupport
import Testing

/// What a user reads when a checkpoint is hostile, word for word, with the exit code; and that
/// neither the checkpoint nor anything around it is changed.
@Suite("Hostile checkpoints on the command line")
struct HostileInputTests {
  struct Case: CustomTestStringConvertible, Sendable {
    let name: String
    /// The files of the model; a name that ends in `/`, `|` or `>` makes a directory, a pipe or a
    /// link to the content.
    let files: [String: [UInt8]]
    /// After `error: model a, ` and the directory, up to the hint.
    let message: String
    var hint: String?
    var testDescription: String { name }
  }

  private static func safetensors(_ text: String, _ byteCount: Int) -> [UInt8] {
    SafetensorsBytes.file(text, dataByteCount: byteCount)
  }

  private static let twoTensors =
    "{" + SafetensorsBytes.entry("a", [4], 0, 4) + "," + SafetensorsBytes.entry("b", [4], 2, 6)
    + "}"

  static let cases: [Case] = [
    Case(
      name: "overlap", files: ["model.safetensors": safetensors(twoTensors, 6)],
      message: "/model.safetensors, tensor b, bytes 115..<119: the tensor overlaps the one before "
        + "it, which ends at byte 117"),
    Case(
      name: "cut header", files: ["model.safetensors": [255, 255, 255, 0, 0, 0, 0, 0]],
      message: "/model.safetensors, bytes 0..<8: a header of 16777215 bytes in a file of 8",
      hint: "The file is cut short; download or save it again."),
    Case(
      name: "escaping index",
      files: [
        "model.safetensors.index.json": Array(#"{"weight_map":{"w":"../../x.safetensors"}}"#.utf8)
      ],
      message: "/model.safetensors.index.json, tensor w: weight_map names the file "
        + "\"../../x.safetensors\"; only plain names in the same directory are allowed"),
    Case(
      name: "control characters in a name",
      files: ["model.safetensors": safetensors(#"{"\u001b[2Jx":{"dtype":"Q9"}}"#, 0)],
      message: "/model.safetensors, tensor \\u{1b}[2Jx: unknown dtype Q9"),
    Case(
      name: "pipe", files: ["model.safetensors|": []],
      message: "/model.safetensors: expected a regular file, found a pipe"),
    Case(
      name: "device", files: ["model.safetensors>": Array("/dev/zero".utf8)],
      message: "/model.safetensors: expected a regular file, found a device"),
    Case(
      name: "directory", files: ["model.safetensors/": []],
      message: "/model.safetensors: expected a regular file, found a directory"),
    Case(
      name: "link to itself", files: ["model.safetensors>": Array("model.safetensors".utf8)],
      message: "/model.safetensors: cannot look up: Too many levels of symbolic links"),
    Case(
      name: "config that is a pipe",
      files: ["config.json|": [], "model.safetensors": safetensors("{}", 0)],
      message: "/config.json: expected a regular file, found a pipe"),
    Case(
      name: "config that is a list",
      files: ["config.json": Array("[]".utf8), "model.safetensors": safetensors("{}", 0)],
      message: "/config.json, bytes 0..<1: invalid JSON: expected an object, found '['"),
    Case(
      name: "config without a bottom",
      files: [
        "config.json": Array((#"{"a":"# + String(repeating: "[", count: 100_000)).utf8),
        "model.safetensors": safetensors("{}", 0),
      ],
      message: "/config.json, bytes 132..<133: invalid JSON: nested more than 128 levels deep"),
    Case(
      name: "index that is a directory", files: ["model.safetensors.index.json/": []],
      message: "/model.safetensors.index.json: expected a regular file, found a directory"),
    Case(
      name: "pickle that runs a command", files: ["pytorch_model.bin": HostilePickle.system.bytes],
      message: "/pytorch_model.bin, bytes 42..<53: the pickle: it names os.system; nothing but "
        + "tensors is read, and nothing is ever called",
      hint: "If you trust the file, load it with transformers and save it with save_pretrained, "
        + "which writes safetensors."),
    Case(
      name: "tensor beyond its storage",
      files: ["pytorch_model.bin": HostilePickle.beyondStorage.bytes],
      message: "/pytorch_model.bin, tensor a, bytes 294..<318: [7] with strides [1] from element 0 "
        + "on reaches beyond its storage of 6 elements",
      hint: "The file is broken; download or save it again."),
    Case(
      name: "encrypted archive", files: ["pytorch_model.bin": HostileZip.encrypted.bytes],
      message: "/pytorch_model.bin: ZIP entry m/data/0: encrypted",
      hint: "Decrypt the file first."),
    Case(
      name: "pointer of Git LFS", files: ["pytorch_model.bin": HostileZip.text.bytes],
      message: "/pytorch_model.bin: a pointer of Git LFS, not the file that it stands for",
      hint: "Run git lfs pull in the directory, or download the model again."),
  ]

  @Test("are refused with model, file, tensor and bytes", arguments: cases)
  func refused(example: Case) throws {
    let directory = try FamilyDirectory()
    let model = directory.path + "/hostile"
    try write(example.files, to: model)
    let hasPipe = example.files.keys.contains { $0.hasSuffix("|") }
    let before = hasPipe ? nil : try DirectorySnapshot(directory.path)
    let result = try SluiceProcess.run([
      "merge", "--base", directory.path + "/base", "--model", "a=" + model, "--out",
      directory.path + "/out",
    ])
    let hint = example.hint.map { "hint: \($0)\n" } ?? ""
    #expect(result.errors == "error: model a, \(model)\(example.message)\n\(hint)")
    #expect(result.exitCode == 65)
    #expect(result.output.isEmpty)
    #expect(!FileManager.default.fileExists(atPath: directory.path + "/out"))
    if let before { #expect(try DirectorySnapshot(directory.path) == before) }
  }

  @Test("more files than may be open are refused with the limit")
  func manyFiles() throws {
    let directory = try FamilyDirectory()
    let model = directory.path + "/hostile"
    var files: [String: [UInt8]] = [:]
    let names = (0..<100).map { "t\($0)" }
    for name in names { files["\(name).safetensors"] = SafetensorsBytes.file(withTensors: [name]) }
    let map = names.map { "\"\($0)\":\"\($0).safetensors\"" }.joined(separator: ",")
    files["model.safetensors.index.json"] = Array("{\"weight_map\":{\(map)}}".utf8)
    try write(files, to: model)
    #expect(try SluiceProcess.run(["inspect", model]).exitCode == 0)
    let result = try SluiceProcess.run(["inspect", model], limit: "-n 50")
    #expect(result.exitCode == 74)
    #expect(result.errors.contains("cannot open: Too many open files\nhint: Raise the limit"))
  }

  @Test("weights that take no space on their disk and too much on another are refused at once")
  func sparseGiant() throws {
    let directory = try FamilyDirectory()
    let byteCount = 8 << 40
    let entry = SafetensorsBytes.entry(
      "model.layers.0.mlp.up_proj.weight", [byteCount / 8192, 4096], 0, byteCount, dtype: "BF16")
    for model in ["giant", "other"] {
      let path = directory.path + "/" + model
      try write(
        [
          "model.safetensors": SafetensorsBytes.file("{\(entry)}"), "config.json": Array("{}".utf8),
        ],
        to: path)
      let file = try #require(FileHandle(forUpdatingAtPath: path + "/model.safetensors"))
      try file.truncate(atOffset: try file.seekToEnd() + UInt64(byteCount))
    }
    let arguments = [
      "merge", "--base", directory.path + "/giant", "--model", "a=" + directory.path + "/other",
      "--out", directory.path + "/out",
    ]
    let result = try SluiceProcess.run(arguments, limit: "-v 2000000")
    #expect(result.exitCode == 74)
    #expect(result.errors.contains("the merged model needs 8 TiB more"), "\(result.errors)")
  }

  @Test("where addresses are limited, layers are not solved but refused at once")
  func limitedAddresses() throws {
    let directory = try FamilyDirectory()
    let tuned = directory.family.fineTuned[0].name
    let scratch = try ScratchDirectory()
    try directory.family.writeMethodFiles(seed: 1, to: scratch, under: "files")
    let arguments = [
      "merge", "--base", directory.path + "/base", "--model", directory.path + "/\(tuned)",
      "--prune", "sparsegpt", "--grams", "\(tuned)=" + scratch("files/\(tuned)-grams.safetensors"),
      "--out", directory.path + "/out", "--threads", "3",
    ]
    let result = try SluiceProcess.run(arguments, limit: "-v 600000")
    #expect(result.exitCode == 64)
    #expect(
      result.errors.contains("OpenBLAS needs 576 MiB of addresses on 3 threads"), "\(result.errors)"
    )
    #expect(try SluiceProcess.run(arguments).exitCode == 0)
  }

  @Test("names in a recipe change no terminal", arguments: [false, true])
  func namesInRecipe(isJSON: Bool) throws {
    let directory = try FamilyDirectory()
    let tuned = directory.family.fineTuned[0].name
    let recipe = directory.path + "/recipe.yaml"
    let text = """
      base: base
      models: {"\\e[2J\\x9b1m\\n": \(tuned), "b\\x7f": \(tuned)}
      stages: [read, delta, merge: {operator: sum}, write]
      """
    try Data(text.utf8).write(to: URL(fileURLWithPath: recipe))
    let result = try SluiceProcess.run(
      ["run", recipe, "--out", directory.path + "/out", "--verbose"] + (isJSON ? ["--json"] : []))
    #expect(result.exitCode == 0, "\(result.errors)")
    let all = result.output + result.errors
    #expect(
      !all.unicodeScalars.contains { $0 != "\n" && $0.properties.generalCategory == .control })
    let name = isJSON ? #"\u001b[2J\u009b1m\n"# : #"\u{1b}[2J\u{9b}1m\u{a}"#
    #expect(result.output.contains(name), "\(all)")
    #expect(result.errors.contains("the same checkpoint"))
  }

  private func write(_ files: [String: [UInt8]], to model: String) throws {
    let manager = FileManager.default
    try manager.createDirectory(atPath: model, withIntermediateDirectories: true)
    for (name, bytes) in files {
      let path = model + "/" + name.trimmingCharacters(in: ["|", ">", "/"])
      switch name.last {
      case "|": #expect(mkfifo(path, 0o600) == 0)
      case "/": try manager.createDirectory(atPath: path, withIntermediateDirectories: true)
      case ">":
        let target = String(decoding: bytes, as: UTF8.self)
        try manager.createSymbolicLink(atPath: path, withDestinationPath: target)
      default: try Data(bytes).write(to: URL(fileURLWithPath: path))
      }
    }
  }
}
