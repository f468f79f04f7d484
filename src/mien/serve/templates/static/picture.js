// From a picture to the array that the classifier reads, with the numbers that mien has: grey by ITU-R 601, Pillow's
// filters in whole numbers of 22 bits, padding with the mean of the edge. Nothing here touches the page.

const BITS = 22, HALF = 2 ** (BITS - 1);

const sinc = x => x === 0 ? 1 : Math.sin(Math.PI * x) / (Math.PI * x);
const cubic = (x, a = -0.5) => x < 1 ? ((a + 2) * x - (a + 3)) * x * x + 1 : x < 2 ? (((x - 5) * x + 8) * x - 4) * a : 0;
export const FILTERS = {
  box: [0.5, x => x > -0.5 && x <= 0.5 ? 1 : 0],
  bilinear: [1, x => Math.max(0, 1 - Math.abs(x))],
  bicubic: [2, x => cubic(Math.abs(x))],
  lanczos: [3, x => x >= -3 && x < 3 ? sinc(x) * sinc(x / 3) : 0],
};

// A half becomes the even number beside it, as in NumPy and Python.
export const rint = x => {
  const low = Math.floor(x);
  return x - low !== 0.5 ? Math.round(x) : low % 2 ? low + 1 : low;
};

// Pixels: {width, height, channels, data}, a byte for each value, channels last.
export const pixels = (width, height, channels) =>
  ({width, height, channels, data: new Uint8ClampedArray(width * height * channels)});

// RGBA of a canvas as grey or RGB.
export function plain({width, height, data}, colour) {
  const out = pixels(width, height, colour ? 3 : 1);
  for (let from = 0, to = 0; from < data.length; from += 4) {
    if (colour) {
      out.data[to++] = data[from]; out.data[to++] = data[from + 1]; out.data[to++] = data[from + 2];
    } else out.data[to++] = (data[from] * 19595 + data[from + 1] * 38470 + data[from + 2] * 7471 + 32768) >> 16;
  }
  return out;
}

// For each place of the output: the first place of the input that counts, and the weights from there on.
function weights(size, from, to, count, [support, filter]) {
  const scale = (to - from) / count, stretch = Math.max(scale, 1), reach = support * stretch;
  return Array.from({length: count}, (_, place) => {
    const centre = from + (place + 0.5) * scale;
    const first = Math.max(0, Math.trunc(centre - reach + 0.5)), end = Math.min(size, Math.trunc(centre + reach + 0.5));
    const values = Array.from({length: end - first}, (_, step) => filter((step + first - centre + 0.5) * (1 / stretch)));
    let sum = 0;
    for (const value of values) sum += value;
    return [first, values.map(value => {
      const share = sum === 0 ? value : value / sum;
      return Math.trunc(share * 2 ** BITS + (share < 0 ? -0.5 : 0.5));
    })];
  });
}

// One pass, along x or along y.
function pass(image, count, from, to, filter, along) {
  const {width, height, channels, data} = image, size = along ? height : width;
  const out = along ? pixels(width, count, channels) : pixels(count, height, channels);
  const step = along ? width * channels : channels, lines = along ? width : height;
  weights(size, from, to, count, filter).forEach(([first, factors], place) => {
    for (let line = 0; line < lines; line++)
      for (let channel = 0; channel < channels; channel++) {
        const start = (along ? line * channels : line * width * channels) + first * step + channel;
        let sum = HALF;
        for (let index = 0; index < factors.length; index++) sum += data[start + index * step] * factors[index];
        const target = along ? place * width + line : line * count + place;
        out.data[target * channels + channel] = Math.floor(sum / 2 ** BITS);
      }
  });
  return out;
}

// Steps are added up as Pillow adds them, with the same rounding.
function places(from, to, count) {
  const step = (to - from) / count, found = [];
  for (let place = from + step * 0.5; found.length < count; place += step) found.push(Math.trunc(place));
  return found;
}

function nearest(image, width, height, [left, top, right, bottom]) {
  const out = pixels(width, height, image.channels), columns = places(left, right, width);
  places(top, bottom, height).forEach((row, y) => columns.forEach((column, x) => {
    for (let channel = 0; channel < image.channels; channel++)
      out.data[(y * width + x) * image.channels + channel] =
        image.data[(row * image.width + column) * image.channels + channel];
  }));
  return out;
}

// As Pillow's Image.resize: the part in a box [left, top, right, bottom] in another size.
export function resize(image, width, height, filter, box = [0, 0, image.width, image.height]) {
  const [left, top, right, bottom] = box;
  const whole = left === 0 && top === 0 && right === image.width && bottom === image.height;
  if (whole && width === image.width && height === image.height) return image;
  if (filter === "nearest") return nearest(image, width, height, box);
  const across = width !== image.width || left !== 0 || right !== width;
  const down = height !== image.height || top !== 0 || bottom !== height;
  const rows = part => down ? pass(part, height, top, bottom, FILTERS[filter], true) : part;
  const columns = part => across ? pass(part, width, left, right, FILTERS[filter], false) : part;
  const tall = image.height - height > 2 * Math.max(0, image.width - width);  // since Pillow 13
  return tall ? columns(rows(image)) : rows(columns(image));
}

// The square that a classifier reads; mode: "pad", "crop" or "stretch".
export function square(image, size, mode, filter) {
  const {width, height, channels} = image;
  if (width === size && height === size) return image;
  if (mode === "stretch") return resize(image, size, size, filter);
  if (mode === "crop") {
    const side = Math.min(width, height), left = (width - side) * 0.5, top = (height - side) * 0.5;
    return resize(image, size, size, filter, [left, top, left + side, top + side]);
  }
  const scale = size / Math.max(width, height);
  const small = resize(image, Math.max(1, rint(width * scale)), Math.max(1, rint(height * scale)), filter);
  const out = pixels(size, size, channels), edge = meanOfEdge(small);
  for (let place = 0; place < out.data.length; place++) out.data[place] = edge[place % channels];
  const top = Math.floor((size - small.height) / 2), left = Math.floor((size - small.width) / 2);
  for (let row = 0; row < small.height; row++)
    out.data.set(small.data.subarray(row * small.width * channels, (row + 1) * small.width * channels),
                 ((top + row) * size + left) * channels);
  return out;
}

function meanOfEdge({width, height, channels, data}) {
  return Array.from({length: channels}, (_, channel) => {
    let sum = 0;
    const at = (row, column) => data[(row * width + column) * channels + channel];
    for (let column = 0; column < width; column++) sum += at(0, column) + at(height - 1, column);
    for (let row = 0; row < height; row++) sum += at(row, 0) + at(row, width - 1);
    return rint(sum / (2 * (width + height)));
  });
}

// Half precision, as 16 bits in a whole number.
export function half(value) {
  const view = new DataView(new ArrayBuffer(4));
  view.setFloat32(0, value);
  const bits = view.getUint32(0), sign = (bits >>> 16) & 0x8000, exponent = ((bits >>> 23) & 0xff) - 112;
  const size = Math.abs(value);
  if (exponent >= 31) return sign | 0x7c00;
  if (exponent <= 0) return sign | rint(size * 2 ** 24);
  return sign + ((exponent << 10) + rint((bits & 0x7fffff) / 2 ** 13));
}

const TYPES = {
  float32: Float32Array, float64: Float64Array, uint8: Uint8Array,
  float16: {from: values => Uint16Array.from(values, half)},
};

// The array for the classifier, from a square picture: its values, their shape and their type.
export function tensor(image, inputs) {
  const {size, colour, tensor: form} = inputs, area = size * size;
  if (!form) return {values: Uint8Array.from(image.data), shape: colour ? [1, size, size, 3] : [1, size, size], type: "uint8"};
  const channels = form.channels, count = area * channels, values = new Float32Array(count);
  const part = (list, channel) => Math.fround(list[list.length === 1 ? 0 : channel]);
  for (let place = 0; place < area; place++)
    for (let channel = 0; channel < channels; channel++) {
      const pixel = image.data[place * image.channels + (image.channels === 1 ? 0 : channel)];
      values[place * channels + channel] = form.dtype === "uint8" ? pixel
        : Math.fround(pixel - part(form.subtract, channel)) / part(form.divide, channel);
    }
  if (form.scaling === "standardised") standardise(values);
  const ordered = new Float32Array(count);
  for (let place = 0; place < area; place++)
    for (let channel = 0; channel < channels; channel++) {
      const source = form.order === "bgr" ? channels - 1 - channel : channel;
      ordered[form.layout === "nchw" ? channel * area + place : place * channels + channel] = values[place * channels + source];
    }
  const shapes = {nchw: [1, channels, size, size], nhwc: [1, size, size, channels], nhw: [1, size, size], flat: [1, count]};
  return {values: TYPES[form.dtype].from(ordered), shape: shapes[form.layout], type: form.dtype};
}

function standardise(values) {
  let mean = 0, square = 0;
  for (const value of values) mean += value / values.length;
  for (const value of values) square += (value - mean) ** 2 / values.length;
  const deviation = Math.max(Math.sqrt(square), 1e-6);
  for (let place = 0; place < values.length; place++) values[place] = (values[place] - mean) / deviation;
}
