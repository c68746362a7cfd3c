"""One module per command of `dstjax`, imported when the command is called; each has `main(words) -> exit code`."""
