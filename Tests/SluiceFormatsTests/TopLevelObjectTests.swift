import SluiceFormats
import Testing

@Suite struct TopLevelObjectTests {
  private let config = """
    {
      "architectures": ["X"],
      "torch_dtype": "float16",
      "text_config": {"torch_dtype": "float32", "vocab_size": 3},
      "tie_word_embeddings" : false,
      "time_step_limit": [0.0, Infinity],
      "vocab_size": 32000,
      "eps": 1e-05,
      "none": null,
      "big": 18446744073709551615
    }

    """

  @Test("values at the top are read by their type")
  func reading() throws {
    let object = try TopLevelObject(Array(config.utf8))
    #expect(object.string("torch_dtype") == "float16")
    #expect(object.bool("tie_word_embeddings") == false)
    #expect(object.integer("vocab_size") == 32000)
    #expect(object["eps"] == .double(1e-5))
    #expect(object["none"] == .some(.null))
    #expect(object["big"] == .unsignedInteger(.max))
    #expect(object["text_config"] == nil && object.contains("text_config"))
    #expect(object["absent"] == nil && !object.contains("absent"))
    #expect(object.string("vocab_size") == nil)
    #expect(object.keys.count == 9)
  }

  @Test("a replaced value leaves every other byte as it is")
  func replacing() throws {
    var object = try TopLevelObject(Array(config.utf8))
    object.set("torch_dtype", to: "bfloat16")
    object.set("tie_word_embeddings", to: true)
    object.set("vocab_size", to: 32001)
    let expected = config
    let lines = expected.split(separator: "\n", omittingEmptySubsequences: false).map { line in
      switch line {
      case #"  "torch_dtype": "float16","#: #"  "torch_dtype": "bfloat16","#
      case #"  "tie_word_embeddings" : false,"#: #"  "tie_word_embeddings" : true,"#
      case #"  "vocab_size": 32000,"#: #"  "vocab_size": 32001,"#
      default: String(line)
      }
    }
    #expect(String(decoding: object.bytes, as: UTF8.self) == lines.joined(separator: "\n"))
    #expect(object.integer("vocab_size") == 32001)
  }

  @Test(
    "a new member looks like those before it",
    arguments: [
      ("{}", #"{"k": "v"}"#),
      ("{ }\n", "{ \"k\": \"v\"}\n"),
      (#"{"a":1}"#, #"{"a":1,"k":"v"}"#),
      (#"{"a":1, "b":2}"#, #"{"a":1, "b":2, "k":"v"}"#),
      ("{\n  \"a\": [1]\n}", "{\n  \"a\": [1],\n  \"k\": \"v\"\n}"),
      ("{\n\t\"a\": 1,\n\t\"b\": 2\n}\n", "{\n\t\"a\": 1,\n\t\"b\": 2,\n\t\"k\": \"v\"\n}\n"),
    ])
  func adding(_ text: String, _ expected: String) throws {
    var object = try TopLevelObject(Array(text.utf8))
    object.set("k", to: "v")
    #expect(String(decoding: object.bytes, as: UTF8.self) == expected)
    #expect(object.string("k") == "v")
  }

  @Test("of a key that occurs twice, the last is read and replaced")
  func duplicate() throws {
    var object = try TopLevelObject(Array(#"{"a":1,"\u0061":2}"#.utf8))
    #expect(object.integer("a") == 2)
    object.set("a", to: 3)
    #expect(String(decoding: object.bytes, as: UTF8.self) == #"{"a":1,"\u0061":3}"#)
  }

  @Test("what is no object is refused", arguments: ["", "[]", "{\"a\":}", "{} x", "\u{FEFF}{}"])
  func refused(_ text: String) {
    let error = #expect(throws: FormatError.self) {
      try TopLevelObject(Array(text.utf8), file: "config.json")
    }
    #expect(error?.failure.subject.file == "config.json")
  }
}
