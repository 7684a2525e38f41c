/// Checkpoint directories that each break one rule, with what the error must say.
package enum HostileCheckpoint: String, CaseIterable, Sendable {
  case nothing, onlyPickled, onlyGGUF, onlyAdapter, severalWithoutIndex, otherName
  case noWeightMap, weightMapTwice, weightMapNotAnObject, fileNotAString, indexNotJSON, indexCut
  case fileAbove, fileInSubfolder, absoluteFile, fileWithBackslash, fileWithNul, fileIsParent
  case fileIsEmpty
  case missingFile, nameTwiceInIndex, nameMissingInFile, nameMissingInIndex, nameInOtherFile
  case tensorInTwoFiles, brokenShard

  /// The files of the directory.
  package var files: [String: [UInt8]] {
    var files =
      plain ?? [
        "a.safetensors": SafetensorsBytes.file(withTensors: ["x"]),
        "b.safetensors": SafetensorsBytes.file(withTensors: ["y"]),
      ]
    switch self {
    case .nameMissingInIndex, .nameMissingInFile:
      files["b.safetensors"] = SafetensorsBytes.file(
        withTensors: self == .nameMissingInIndex ? ["y", "z"] : [])
    case .tensorInTwoFiles:
      files["b.safetensors"] = SafetensorsBytes.file(withTensors: ["x", "y"])
    case .brokenShard: files["b.safetensors"]?.removeLast()
    default: break
    }
    if let index { files["model.safetensors.index.json"] = Array(index.utf8) }
    return files
  }

  /// What the message must contain.
  package var expectedMessage: String {
    switch self {
    case .nothing: "neither model.safetensors.index.json nor model.safetensors found"
    case .onlyPickled: "no pytorch_model.bin, only pytorch_model-00001-of-00002.bin"
    case .onlyGGUF: "only GGUF files"
    case .onlyAdapter: "only an adapter was found"
    case .severalWithoutIndex: "2 safetensors files but no model.safetensors.index.json"
    case .otherName: "expected model.safetensors, found consolidated.safetensors"
    case .noWeightMap: "no weight_map"
    case .weightMapTwice: "weight_map occurs twice"
    case .weightMapNotAnObject: "expected an object, found '['"
    case .fileNotAString: "the value in weight_map is no file name"
    case .indexNotJSON: "expected a key, found 'w'"
    case .indexCut: "found the end of the text"
    case .fileAbove, .fileInSubfolder, .absoluteFile, .fileWithBackslash, .fileWithNul,
      .fileIsParent, .fileIsEmpty:
      "only plain names in the same directory are allowed"
    case .missingFile: "the index names the file c.safetensors, which does not exist"
    case .nameTwiceInIndex: "the tensor occurs twice in weight_map"
    case .nameMissingInFile, .nameInOtherFile:
      "the index names the file b.safetensors, which does not hold the tensor"
    case .nameMissingInIndex: "but not in the index"
    case .tensorInTwoFiles: "the tensor is also in"
    case .brokenShard: "in a file with 3 bytes of data"
    }
  }

  private var plain: [String: [UInt8]]? {
    let file = SafetensorsBytes.file(withTensors: ["x"])
    return switch self {
    case .nothing: ["config.json": Array("{}".utf8)]
    case .onlyPickled: ["pytorch_model-00001-of-00002.bin": [0], "config.json": Array("{}".utf8)]
    case .onlyGGUF: ["model.gguf": [0]]
    case .onlyAdapter: ["adapter_model.safetensors": file]
    case .severalWithoutIndex: ["a.safetensors": file, "b.safetensors": file]
    case .otherName: ["consolidated.safetensors": file]
    default: nil
    }
  }

  private var index: String? {
    func map(_ x: String, _ y: String = "b.safetensors") -> String {
      #"{"metadata":{"total_size":8},"weight_map":{"x":""# + x + #"","y":""# + y + #""}}"#
    }
    let good = map("a.safetensors")
    return switch self {
    case .nothing, .onlyPickled, .onlyGGUF, .onlyAdapter, .severalWithoutIndex, .otherName: nil
    case .noWeightMap: #"{"metadata":{}}"#
    case .weightMapTwice: #"{"weight_map":{},"weight_map":{}}"#
    case .weightMapNotAnObject: #"{"weight_map":[]}"#
    case .fileNotAString: #"{"weight_map":{"x":["a.safetensors"]}}"#
    case .indexNotJSON: "{weight_map: {}}"
    case .indexCut: String(good.dropLast(2))
    case .fileAbove: map("../a.safetensors")
    case .fileInSubfolder: map("sub/a.safetensors")
    case .absoluteFile: map("/a.safetensors")
    case .fileWithBackslash: map(#"..\\a.safetensors"#)
    case .fileWithNul: map(#"a.safetensors\u0000"#)
    case .fileIsParent: map("..")
    case .fileIsEmpty: map("")
    case .missingFile: map("c.safetensors")
    case .nameTwiceInIndex: #"{"weight_map":{"x":"a.safetensors","x":"b.safetensors"}}"#
    case .nameInOtherFile: map("b.safetensors")
    case .nameMissingInFile, .nameMissingInIndex, .tensorInTwoFiles, .brokenShard: good
    }
  }
}
