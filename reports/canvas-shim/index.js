'use strict'
/**
 * Stands in for the package `canvas`, whose binary is fetched from GitHub when it is installed and otherwise compiled
 * against Cairo and Pango. Only what chartjs-node-canvas calls is here: createCanvas, registerFont, Image, and a canvas
 * whose toBuffer and toDataURL also take node-canvas's callbacks.
 *
 * Not declared as depending on @napi-rs/canvas, although it requires it: it travels inside our package
 * (bundleDependencies), and what it declares would be bundled too: 35 MB for one processor only.
 */
const napi = require('@napi-rs/canvas')
const { Readable } = require('node:stream')

/** node-canvas: toBuffer(mime), toBuffer(callback, mime); @napi-rs/canvas knows the first only. */
function takesCallbacks(canvas) {
  const toBuffer = canvas.toBuffer.bind(canvas)
  const toDataURL = canvas.toDataURL.bind(canvas)
  canvas.toBuffer = (first, second) =>
    typeof first === 'function' ? answer(first, () => toBuffer(second ?? 'image/png')) : toBuffer(first ?? 'image/png')
  canvas.toDataURL = (mime, second) =>
    typeof second === 'function' ? answer(second, () => toDataURL(mime)) : toDataURL(mime)
  canvas.createPNGStream = () => Readable.from([toBuffer('image/png')])
  canvas.createJPEGStream = () => Readable.from([toBuffer('image/jpeg')])
  return canvas
}

function answer(callback, make) {
  let made
  try {
    made = make()
  } catch (error) {
    callback(error)
    return
  }
  callback(null, made)
}

module.exports = {
  Image: napi.Image,
  createCanvas(width, height, type) {
    if (type === 'pdf') throw new Error('This canvas draws PNG, JPEG and SVG; it cannot draw PDF')
    if (type === 'svg') return svgCanvas(width, height)
    return takesCallbacks(napi.createCanvas(width, height))
  },
  registerFont(path, { family }) {
    if (napi.GlobalFonts.registerFromPath(path, family) === null) throw new Error(`Not a font: ${path}`)
  },
}

function svgCanvas(width, height) {
  const canvas = napi.createCanvas(width, height, napi.SvgExportFlag.ConvertTextToPaths)
  canvas.toBuffer = () => canvas.getContent()
  return canvas
}
